; Installs pasarela.exe for one user: no administrator, no question. `cargo xtask dist windows` says what VERSION, NUMBERS, FOLDER
; and OUTPUT are. With /S it shows nothing.

!include LogicLib.nsh

Unicode true
; As the program is.
Target amd64-unicode
SetCompressor /SOLID lzma
; Else the files would be dated by whoever makes it.
SetDateSave off
Name "Pasarela"
OutFile "${OUTPUT}"
RequestExecutionLevel user
InstallDir "$LOCALAPPDATA\Pasarela"
ShowInstDetails nevershow
ShowUninstDetails nevershow
AutoCloseWindow true
BrandingText " "
ManifestDPIAware true

VIProductVersion "${NUMBERS}"
VIAddVersionKey "ProductName" "Pasarela"
VIAddVersionKey "FileDescription" "Pasarela"
VIAddVersionKey "FileVersion" "${VERSION}"
VIAddVersionKey "ProductVersion" "${VERSION}"
VIAddVersionKey "LegalCopyright" "MIT OR Apache-2.0"

Page instfiles
UninstPage instfiles

!define ENTRY "Software\Microsoft\Windows\CurrentVersion\Uninstall\Pasarela"

; A program that runs cannot be replaced or removed.
!macro NotWhileItRuns
  ${If} ${FileExists} "$INSTDIR\pasarela.exe"
    ClearErrors
    FileOpen $0 "$INSTDIR\pasarela.exe" a
    ${If} ${Errors}
      MessageBox MB_OK|MB_ICONEXCLAMATION "Pasarela is running. Close its window and try again." /SD IDOK
      Abort
    ${EndIf}
    FileClose $0
  ${EndIf}
!macroend

Section
  !insertmacro NotWhileItRuns
  SetOutPath "$INSTDIR"
  File "${FOLDER}\pasarela.exe"
  File "${FOLDER}\README.txt"
  File "${FOLDER}\LICENSE-MIT.txt"
  File "${FOLDER}\LICENSE-APACHE.txt"
  WriteUninstaller "$INSTDIR\uninstall.exe"
  CreateShortcut "$SMPROGRAMS\Pasarela.lnk" "$INSTDIR\pasarela.exe"
  WriteRegStr HKCU "${ENTRY}" "DisplayName" "Pasarela"
  WriteRegStr HKCU "${ENTRY}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKCU "${ENTRY}" "DisplayIcon" "$INSTDIR\pasarela.exe"
  WriteRegStr HKCU "${ENTRY}" "Publisher" "Pasarela contributors"
  WriteRegStr HKCU "${ENTRY}" "InstallLocation" "$INSTDIR"
  WriteRegStr HKCU "${ENTRY}" "UninstallString" '"$INSTDIR\uninstall.exe"'
  WriteRegStr HKCU "${ENTRY}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
  WriteRegDWORD HKCU "${ENTRY}" "NoModify" 1
  WriteRegDWORD HKCU "${ENTRY}" "NoRepair" 1
SectionEnd

; Its window asks for the link.
Function .onInstSuccess
  ${IfNot} ${Silent}
    Exec '"$INSTDIR\pasarela.exe"'
  ${EndIf}
FunctionEnd

Section "Uninstall"
  !insertmacro NotWhileItRuns
  Delete "$INSTDIR\pasarela.exe"
  Delete "$INSTDIR\README.txt"
  Delete "$INSTDIR\LICENSE-MIT.txt"
  Delete "$INSTDIR\LICENSE-APACHE.txt"
  Delete "$INSTDIR\uninstall.exe"
  ; Only if nothing of somebody's own is in it.
  RMDir "$INSTDIR"
  Delete "$SMPROGRAMS\Pasarela.lnk"
  DeleteRegKey HKCU "${ENTRY}"
SectionEnd
