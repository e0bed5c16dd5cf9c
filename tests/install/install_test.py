"""`meson install` gives a program, headers, libraries and pkg-config files, and a user's program builds against them.

What is installed is the release build of scripts/test, which holds both the shared libraries and the archives.
"""

import os
import re
import shlex
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
USER = Path(__file__).with_name("user.cpp")
PAGE = ROOT / "src" / "README.md"
FLAGS = ["-std=c++20", "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-missing-field-initializers"]


def output_of(command, **environment):
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, **environment})
    if done.returncode:
        raise AssertionError(f"{shlex.join(map(str, command))}: {done.stdout}{done.stderr}")
    return done.stdout


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        output_of(["meson", "install", "-C", "build/release", "--no-rebuild", "--destdir", folder.name])
        cls.package_folder = next(cls.folder.rglob("pkgconfig"))
        cls.lib = cls.package_folder.parent
        cls.prefix = next(cls.folder.rglob("include")).parent

    def flags(self, package):
        # The prefix is the final one; here everything lies under a folder of our own.
        command = ["pkg-config", f"--define-variable=prefix={self.prefix}", "--cflags", "--libs", package]
        return output_of(command, PKG_CONFIG_PATH=str(self.package_folder)).split()

    def build_and_run(self, package, source=USER):
        program = self.folder / f"{source.stem}_of_{package}"
        output_of(["g++", *FLAGS, source, "-o", program, *self.flags(package)])
        return program, output_of([program], LD_LIBRARY_PATH=str(self.lib))

    def assert_reference_case(self, output):
        # 8 ranks x 64 micro-batches of 1F1B with hops of 55 us: four independent simulators agree on 219,820,000 ns.
        # That 1f1b was found at all says that the registrations came along; there are more of them than that one.
        self.assertRegex(output, r"^\d+ schedules, makespan 219820000 ns\n$")
        self.assertGreaterEqual(int(output.split()[0]), 5)

    def test_a_user_of_the_shared_libraries_gets_every_schedule(self):
        program, output = self.build_and_run("ppsim")
        self.assert_reference_case(output)
        self.assertIn("libppsim-core.so", output_of(["ldd", program], LD_LIBRARY_PATH=str(self.lib)))

    def test_a_user_of_the_archives_gets_every_schedule(self):
        program, output = self.build_and_run("ppsim-static")
        self.assert_reference_case(output)
        self.assertNotIn("libppsim", output_of(["ldd", program]))

    def test_the_simulator_alone_needs_no_library_but_fmt(self):
        for package in ("ppsim-core", "ppsim-core-static"):
            with self.subTest(package):
                program, output = self.build_and_run(package)
                self.assert_reference_case(output)
                linked = {line.split()[0] for line in output_of(["ldd", program], LD_LIBRARY_PATH=str(self.lib)).splitlines()}
                foreign = {name for name in linked if not re.match(r"(/|linux-vdso|lib(c|m|gcc_s|stdc\+\+|fmt|ppsim-core)\.so)", name)}
                self.assertEqual(foreign, set())

    def test_the_example_of_the_page_prints_what_the_program_prints(self):
        examples = re.findall(r"^```cpp\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
        self.assertEqual(len(examples), 1)
        source = self.folder / "example.cpp"
        source.write_text(examples[0])
        _, output = self.build_and_run("ppsim", source)
        report, _, last = output.rstrip("\n").rpartition("\n")
        self.assertEqual(report + "\n", output_of([self.prefix / "bin" / "ppsim", "simulate", "configs/seed_4x8.json"]))
        self.assertRegex(last, r"^rank 0 spans \d{11} ns$")

    def test_the_program_is_installed_and_knows_its_version(self):
        version = output_of(["pkg-config", "--modversion", "ppsim"], PKG_CONFIG_PATH=str(self.package_folder))
        self.assertIn(version.strip(), output_of([self.prefix / "bin" / "ppsim", "--version"]))

    def test_every_public_header_is_installed(self):
        def names(folder):
            return sorted(path.relative_to(folder) for path in folder.rglob("*.hpp"))

        self.assertEqual(names(self.prefix / "include"), names(ROOT / "include"))


if __name__ == "__main__":
    unittest.main()
