"""scripts/check_unity.py on small made-up trees: names of one file are not those of another file of the library."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

CHECKER = Path(__file__).resolve().parents[2] / "scripts" / "check_unity.py"
FIRST = """namespace ppsim {
namespace {

constexpr int kMost = 3;

struct Row {
  int begin() const { return 0; }
};

Row read(int line) { return {}; }

}  // namespace

Row both(int line) { return read(line); }

}  // namespace ppsim
"""


def second(anonymous, namespace="ppsim"):
    return f"namespace {namespace} {{\nnamespace {{\n\n{anonymous}\n\n}}  // namespace\n}}  // namespace {namespace}\n"


def check(files):
    with tempfile.TemporaryDirectory() as root:
        for name, text in files.items():
            path = Path(root) / "src" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        done = subprocess.run([sys.executable, CHECKER, root], capture_output=True, text=True)
        return done.returncode, done.stdout


class CheckUnity(unittest.TestCase):
    def refuses(self, anonymous, name):
        status, output = check({"text/first.cpp": FIRST, "text/second.cpp": second(anonymous)})
        self.assertEqual(status, 1, output)
        self.assertIn(f"{name}: anonymous in text/first.cpp and in text/second.cpp", output)
        self.assertTrue(output.endswith("0 passed, 2 failed\n"), output)

    def accepts(self, files):
        status, output = check(files)
        self.assertEqual((status, output), (0, f"{len(files)} passed, 0 failed\n"))

    def test_a_function_a_type_and_a_constant_are_refused(self):
        self.refuses("int read(const char* line) { return 0; }", "read")  # an overload, which takes calls silently
        self.refuses("class Row {};", "Row")
        self.refuses("using Row = int;", "Row")
        self.refuses("constexpr double kMost = 0.5;", "kMost")
        self.refuses("const std::array<int, 2> kMost{1, 2};", "kMost")

    def test_a_function_of_a_header_of_the_library_is_refused(self):
        for header in ("[[nodiscard]] int read(const char* text);", "inline int read(const char* text) { return 0; }"):
            status, output = check({"text/first.cpp": FIRST, "text/lines.hpp": f"namespace ppsim {{\n\n{header}\n\n}}  // namespace ppsim\n"})
            self.assertEqual(status, 1, output)
            self.assertIn("read: anonymous in text/first.cpp, and a function of src/text/lines.hpp", output)
            self.assertTrue(output.endswith("0 passed, 1 failed\n"), output)

    def test_members_in_headers_and_headers_of_other_libraries_are_accepted(self):
        member = "namespace ppsim {\n\nstruct Line {\n  int read(int) { return 0; }\n};\n\n}  // namespace ppsim\n"
        function = "namespace ppsim {\n\nint read(const char* text);\n\n}  // namespace ppsim\n"
        status, output = check({"text/first.cpp": FIRST, "text/line.hpp": member, "output/lines.hpp": function})
        self.assertEqual((status, output), (0, "1 passed, 0 failed\n"))

    def test_other_names_are_accepted(self):
        self.accepts({"text/first.cpp": FIRST, "text/second.cpp": second("int write(int line) { return 0; }")})

    def test_members_are_no_names_of_the_namespace(self):
        self.accepts({"text/first.cpp": FIRST, "text/second.cpp": second("struct Line {\n  int read(int) { return 0; }\n};")})

    def test_another_library_and_another_namespace_are_apart(self):
        again = second("int read(int line) { return 0; }")
        self.accepts({"text/first.cpp": FIRST, "output/second.cpp": again})
        self.accepts({"explore/run/first.cpp": FIRST, "explore/bench/second.cpp": again})
        self.accepts({"text/first.cpp": FIRST, "text/second.cpp": second("int read(int line) { return 0; }", "ppsim::second")})


if __name__ == "__main__":
    unittest.main()
