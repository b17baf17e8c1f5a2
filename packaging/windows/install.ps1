# Installs Pasarela for this user, without an administrator: checks pasarela-x86_64-windows.exe against SHA256SUMS and puts it into
# %LOCALAPPDATA%\Pasarela, with an entry in the Start menu. For Windows PowerShell 5.1 and newer.
#
#   powershell -ExecutionPolicy Bypass -File install.ps1                     both files lie beside this one
#   powershell -ExecutionPolicy Bypass -File install.ps1 -From FOLDER        they lie there; FOLDER may be an https:// address
#   powershell -ExecutionPolicy Bypass -File install.ps1 -Remove             takes it away again
#
# SHA256SUMS says whether the file is whole and the one that goes with it. Who made both, only its signature says: see minisign.

param(
    [string]$From = $PSScriptRoot,
    [switch]$Remove
)

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

$Name = 'pasarela-x86_64-windows.exe'
$Folder = Join-Path $env:LOCALAPPDATA 'Pasarela'
$Program = Join-Path $Folder 'pasarela.exe'
$Entry = Join-Path ([Environment]::GetFolderPath('Programs')) 'Pasarela.lnk'

function Get-Part([string]$Part, [string]$To) {
    if ($From -match '^https://') {
        # Not a browser's download: Windows does not warn of a file that a script fetched.
        [Net.ServicePointManager]::SecurityProtocol = [Net.SecurityProtocolType]::Tls12
        Invoke-WebRequest -UseBasicParsing -Uri ($From.TrimEnd('/') + '/' + $Part) -OutFile $To
    } elseif ($From -match '^[a-z]+://') {
        throw "$From is not an https:// address"
    } else {
        Copy-Item -LiteralPath (Join-Path $From $Part) -Destination $To
    }
}

if ($Remove) {
    foreach ($File in @($Program, $Entry)) {
        if (Test-Path -LiteralPath $File) { Remove-Item -LiteralPath $File }
    }
    if ((Test-Path -LiteralPath $Folder) -and -not (Get-ChildItem -LiteralPath $Folder -Force)) {
        Remove-Item -LiteralPath $Folder
    }
    Write-Host 'Pasarela is removed.'
    exit 0
}

$Work = Join-Path ([IO.Path]::GetTempPath()) ('pasarela-' + [Guid]::NewGuid())
New-Item -ItemType Directory -Path $Work | Out-Null
try {
    $Sums = Join-Path $Work 'SHA256SUMS'
    $New = Join-Path $Work $Name
    Get-Part 'SHA256SUMS' $Sums
    Get-Part $Name $New
    $Line = @(Get-Content -LiteralPath $Sums | Where-Object { $_ -match ('^[0-9a-f]{64} [ *]' + [regex]::Escape($Name) + '$') })
    if ($Line.Count -ne 1) { throw "SHA256SUMS does not say what the sum of $Name is: get both anew from the same place" }
    $Wanted = $Line[0].Substring(0, 64)
    $Found = (Get-FileHash -Algorithm SHA256 -LiteralPath $New).Hash.ToLowerInvariant()
    if ($Found -ne $Wanted) { throw "$Name has the sum $Found, and SHA256SUMS says ${Wanted}: it is broken or another; do not run it" }
    New-Item -ItemType Directory -Path $Folder -Force | Out-Null
    # It fails while the program runs: close its window first.
    Copy-Item -LiteralPath $New -Destination $Program -Force
    Unblock-File -LiteralPath $Program
    $Shell = New-Object -ComObject WScript.Shell
    $Shortcut = $Shell.CreateShortcut($Entry)
    $Shortcut.TargetPath = $Program
    $Shortcut.WorkingDirectory = $Folder
    $Shortcut.Save()
} finally {
    Remove-Item -LiteralPath $Work -Recurse -Force
}
Write-Host "Pasarela is in $Folder and in the Start menu. To take it away: install.ps1 -Remove"
