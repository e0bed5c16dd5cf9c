#include "replay/environment.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "ppsim/core/error.hpp"

namespace ppsim::test::environment_test {
namespace {

using Variables = std::vector<std::pair<const char*, const char*>>;

// Nothing of a launcher but what a test sets.
class Environment {
 public:
  explicit Environment(const Variables& variables) {
    for (const char* name : kNames) unsetenv(name);
    for (const auto& [name, value] : variables) setenv(name, value, 1);
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment() {
    for (const char* name : kNames) unsetenv(name);
  }

 private:
  static constexpr const char* kNames[] = {"RANK",
                                           "WORLD_SIZE",
                                           "LOCAL_RANK",
                                           "MASTER_ADDR",
                                           "MASTER_PORT",
                                           "TORCHELASTIC_USE_AGENT_STORE",
                                           "SLURM_PROCID",
                                           "SLURM_NTASKS",
                                           "SLURM_NPROCS",
                                           "SLURM_LOCALID",
                                           "OMPI_COMM_WORLD_RANK",
                                           "OMPI_COMM_WORLD_SIZE",
                                           "OMPI_COMM_WORLD_LOCAL_RANK",
                                           "PMI_RANK",
                                           "PMI_SIZE",
                                           "PMIX_RANK",
                                           "MPI_LOCALRANKID"};
};

std::string fault_of(const Variables& variables) {
  const Environment environment(variables);
  try {
    (void)read_launched();
  } catch (const Error& error) {
    return error.what();
  }
  return "no fault";
}

TEST_CASE("every launcher's variables say the same") {
  const Variables launchers[] = {
      {{"RANK", "5"}, {"WORLD_SIZE", "8"}, {"LOCAL_RANK", "1"}},
      {{"SLURM_PROCID", "5"}, {"SLURM_NTASKS", "8"}, {"SLURM_LOCALID", "1"}},
      {{"SLURM_PROCID", "5"}, {"SLURM_NPROCS", "8"}, {"SLURM_LOCALID", "1"}},
      {{"OMPI_COMM_WORLD_RANK", "5"}, {"OMPI_COMM_WORLD_SIZE", "8"}, {"OMPI_COMM_WORLD_LOCAL_RANK", "1"}},
      {{"PMI_RANK", "5"}, {"PMI_SIZE", "8"}, {"MPI_LOCALRANKID", "1"}},
  };
  for (Variables variables : launchers) {
    variables.emplace_back("MASTER_ADDR", "node7");
    variables.emplace_back("MASTER_PORT", "4242");
    const Environment environment(variables);
    const Launched launched = read_launched();
    CHECK(launched.rank == Rank{5});
    CHECK(launched.size == 8);
    CHECK(launched.local_rank == 1);
    CHECK(launched.address == "node7");
    CHECK(launched.port == 4242);
  }
}

TEST_CASE("torchrun's variables go before mpirun's, and those before Slurm's") {
  const Variables all = {{"RANK", "1"},          {"WORLD_SIZE", "4"},   {"OMPI_COMM_WORLD_RANK", "2"},
                         {"SLURM_PROCID", "0"},  {"SLURM_NTASKS", "2"}, {"OMPI_COMM_WORLD_SIZE", "8"},
                         {"MASTER_ADDR", "node"}};
  {
    const Environment environment(all);
    CHECK(read_launched().size == 4);
    CHECK(read_launched_rank() == Rank{2});  // of MPI
  }
  const Environment environment({all.begin() + 2, all.end()});
  CHECK(read_launched().size == 8);
}

TEST_CASE("a process that no launcher started is a rank alone") {
  const Environment environment({});
  const Launched launched = read_launched();
  CHECK(launched.rank == Rank{0});
  CHECK(launched.size == 1);
  CHECK(!read_launched_rank());
}

TEST_CASE("the port is 29500, and one behind that of torchrun's store") {
  const Variables base = {{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "localhost"}};
  const auto port_with = [&](const Variables& more) {
    Variables variables = base;
    variables.insert(variables.end(), more.begin(), more.end());
    const Environment environment(variables);
    return read_launched().port;
  };
  CHECK(port_with({}) == 29500);
  CHECK(port_with({{"TORCHELASTIC_USE_AGENT_STORE", "True"}, {"MASTER_PORT", "4000"}}) == 4001);
  CHECK(port_with({{"TORCHELASTIC_USE_AGENT_STORE", "False"}, {"MASTER_PORT", "4000"}}) == 4000);
}

TEST_CASE("without a local rank the rank is taken") {
  const Environment environment({{"PMI_RANK", "3"}, {"PMI_SIZE", "4"}, {"MASTER_ADDR", "localhost"}});
  CHECK(read_launched().local_rank == 3);
}

TEST_CASE("each fault names its variable and what was expected") {
  const struct {
    Variables variables;
    const char* fault;
  } cases[] = {
      {{{"RANK", "x"}, {"WORLD_SIZE", "2"}}, "RANK: \"x\": expected a whole number from 0 to 65535"},
      {{{"RANK", "-1"}, {"WORLD_SIZE", "2"}}, "RANK: \"-1\": expected a whole number from 0 to 65535"},
      {{{"RANK", ""}, {"WORLD_SIZE", "2"}}, "RANK: \"\": expected a whole number from 0 to 65535"},
      {{{"RANK", "0"}, {"WORLD_SIZE", "0"}}, "WORLD_SIZE: \"0\": expected a whole number from 1 to 65535"},
      {{{"RANK", "0"}, {"WORLD_SIZE", "2 "}}, "WORLD_SIZE: \"2 \": expected a whole number from 1 to 65535"},
      {{{"RANK", "0"}, {"WORLD_SIZE", "99999999999"}},
       "WORLD_SIZE: \"99999999999\": expected a whole number from 1 to 65535"},
      {{{"RANK", "2"}, {"WORLD_SIZE", "2"}}, "RANK: \"2\": expected less than WORLD_SIZE (2)"},
      {{{"RANK", "0"}}, "WORLD_SIZE: is not set, and RANK is: expected the number of ranks"},
      {{{"WORLD_SIZE", "2"}}, "RANK: is not set, and WORLD_SIZE is: expected this process's rank"},
      {{{"SLURM_PROCID", "0"}},
       "SLURM_NTASKS: is not set, and SLURM_PROCID is: expected the number of ranks"},
      {{{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"LOCAL_RANK", "a"}},
       "LOCAL_RANK: \"a\": expected a whole number from 0 to 65535"},
      {{{"RANK", "0"}, {"WORLD_SIZE", "2"}},
       "MASTER_ADDR: is not set: expected the name or address of rank 0's machine"},
      {{{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", ""}},
       "MASTER_ADDR: is empty: expected the name or address of rank 0's machine"},
      {{{"MASTER_PORT", "65536"}}, "MASTER_PORT: \"65536\": expected a whole number from 1 to 65535"},
      {{{"MASTER_PORT", "65535"}, {"TORCHELASTIC_USE_AGENT_STORE", "True"}},
       "MASTER_PORT: \"65535\": expected a whole number from 1 to 65534"},
  };
  for (const auto& one : cases) CHECK(fault_of(one.variables) == one.fault);
}

TEST_CASE("MPI's watch takes no rank that is not a number") {
  const Environment environment(Variables{{"PMIX_RANK", "?"}});
  CHECK(!read_launched_rank());
}

}  // namespace
}  // namespace ppsim::test::environment_test
