/// The words of a shell script, as far as scripts that start a training job need it: quotes, comments, lines
/// that go on, assignments, arrays. Nothing is run and no variable of the environment is looked at.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ppsim {

struct ShellWord {
  std::string text;
  std::size_t line = 1;
  std::string unresolved;  ///< what in it is not known, as written ("$GPUS"); empty: all of it is
};

/// A command that starts a Python script.
struct LaunchedScript {
  std::vector<ShellWord> launcher;   ///< what stands before the script: torchrun and its options
  ShellWord script;                  ///< "pretrain_gpt.py"; empty where the file is arguments alone
  std::vector<ShellWord> arguments;  ///< behind it
};

/// The one command of the script `text` that starts a Python script; or, where its first word begins with
/// "--", all of its words as arguments, however many a line. Throws Error (where: "FILE, line 7"): no such
/// command or several, a quote that does not end, control flow.
[[nodiscard]] LaunchedScript read_launched_script(std::string_view text, const std::string& file);

}  // namespace ppsim
