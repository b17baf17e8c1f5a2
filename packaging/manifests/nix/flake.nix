{
  description = "{{summary}}";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs =
    { self, nixpkgs }:
    let
      programs = {
        x86_64-linux = {
          url = "{{releases}}/pasarela-x86_64-linux";
          sha256 = "{{sum_x86_64_linux}}";
        };
        aarch64-linux = {
          url = "{{releases}}/pasarela-aarch64-linux";
          sha256 = "{{sum_aarch64_linux}}";
        };
      };
      package =
        system: program:
        let
          pkgs = nixpkgs.legacyPackages.${system};
        in
        pkgs.stdenvNoCC.mkDerivation {
          pname = "pasarela";
          version = "{{version}}";
          # One static file: it needs nothing of the system.
          src = pkgs.fetchurl program;
          dontUnpack = true;
          installPhase = ''
            install -D -m 755 $src $out/bin/pasarela
          '';
          meta = {
            description = "{{summary}}";
            homepage = "{{homepage}}";
            license = with pkgs.lib.licenses; [ mit asl20 ];
            mainProgram = "pasarela";
            platforms = builtins.attrNames programs;
            sourceProvenance = [ pkgs.lib.sourceTypes.binaryNativeCode ];
          };
        };
    in
    {
      packages = builtins.mapAttrs (system: program: { default = package system program; }) programs;
    };
}
