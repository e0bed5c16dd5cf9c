/// main of every unit test binary: doctest's, with a last line "N passed, N failed" (and ", N skipped") that
/// scripts read.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <iostream>
#include <string_view>

namespace {

/// Counts test cases. One that says MESSAGE("skipped: why") counts as skipped, unless it fails.
class CountReporter : public doctest::IReporter {
 public:
  explicit CountReporter(const doctest::ContextOptions& options) : out_(*options.cout) {}

  void test_run_end(const doctest::TestRunStats& run) override {
    const unsigned passed = run.numTestCasesPassingFilters - run.numTestCasesFailed - skipped_;
    out_ << passed << " passed, " << run.numTestCasesFailed << " failed";
    if (skipped_ > 0) out_ << ", " << skipped_ << " skipped";
    out_ << std::endl;
  }
  void test_case_start(const doctest::TestCaseData&) override { said_skipped_ = false; }
  void test_case_end(const doctest::CurrentTestCaseStats& stats) override {
    if (said_skipped_ && stats.failure_flags == 0) ++skipped_;
  }
  void log_message(const doctest::MessageData& message) override {
    said_skipped_ |= std::string_view(message.m_string.c_str()).starts_with("skipped");
  }

  void report_query(const doctest::QueryData&) override {}
  void test_run_start() override {}
  void test_case_reenter(const doctest::TestCaseData&) override {}
  void test_case_exception(const doctest::TestCaseException&) override {}
  void subcase_start(const doctest::SubcaseSignature&) override {}
  void subcase_end() override {}
  void log_assert(const doctest::AssertData&) override {}
  void test_case_skipped(const doctest::TestCaseData&) override {}

 private:
  std::ostream& out_;
  unsigned skipped_ = 0;
  bool said_skipped_ = false;
};

// Reporters speak in the order of this number; the console's is 0.
REGISTER_REPORTER("count", 1, CountReporter);

}  // namespace

int main(int argc, char** argv) {
  doctest::Context context(argc, argv);
  context.addFilter("reporters", "console");
  context.addFilter("reporters", "count");
  return context.run();
}
