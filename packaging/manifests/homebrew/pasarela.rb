class Pasarela < Formula
  desc "{{summary}}"
  homepage "{{homepage}}"
  version "{{version}}"
  license any_of: ["MIT", "Apache-2.0"]

# for macos
  on_macos do
    on_arm do
      url "{{releases}}/pasarela-aarch64-macos"
      sha256 "{{sum_aarch64_macos}}"
    end
    on_intel do
      url "{{releases}}/pasarela-x86_64-macos"
      sha256 "{{sum_x86_64_macos}}"
    end
  end

# end
  on_linux do
    on_arm do
      url "{{releases}}/pasarela-aarch64-linux"
      sha256 "{{sum_aarch64_linux}}"
    end
    on_intel do
      url "{{releases}}/pasarela-x86_64-linux"
      sha256 "{{sum_x86_64_linux}}"
    end
  end

# for linux-only
  depends_on :linux

# end
  def install
    bin.install Dir["pasarela-*"].first => "pasarela"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/pasarela --version")
  end
end
