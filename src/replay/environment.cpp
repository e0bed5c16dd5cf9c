#include "replay/environment.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <limits>
#include <string_view>

#include "core/numbers.hpp"
#include "ppsim/core/error.hpp"

namespace ppsim {
namespace {

// The names that one launcher uses.
struct Variables {
  const char* rank;
  std::array<const char*, 2> size;  // the second is an older name, or null
  const char* local_rank;
};
constexpr Variables kLaunchers[] = {
    {"RANK", {"WORLD_SIZE"}, "LOCAL_RANK"},
    {"OMPI_COMM_WORLD_RANK", {"OMPI_COMM_WORLD_SIZE"}, "OMPI_COMM_WORLD_LOCAL_RANK"},
    {"PMI_RANK", {"PMI_SIZE"}, "MPI_LOCALRANKID"},
    {"SLURM_PROCID", {"SLURM_NTASKS", "SLURM_NPROCS"}, "SLURM_LOCALID"},
};

constexpr std::uint32_t kMostRanks = 65535;
constexpr std::uint32_t kMostPort = 65535;

// Empty where it is not set.
std::optional<std::uint32_t> read_number(const char* name, std::uint32_t least, std::uint32_t most) {
  const char* text = std::getenv(name);
  if (text == nullptr) return std::nullopt;
  const auto number = parse_number<std::uint32_t>(text);
  if (!number || *number < least || *number > most)
    throw Error(name, fmt::format("\"{}\": expected a whole number from {} to {}", text, least, most));
  return number;
}

const char* name_of_size(const Variables& names) {
  const bool has_older = names.size[1] != nullptr && std::getenv(names.size[0]) == nullptr;
  return has_older && std::getenv(names.size[1]) != nullptr ? names.size[1] : names.size[0];
}

void read_place(const Variables& names, Launched& launched) {
  const char* size_name = name_of_size(names);
  const auto size = read_number(size_name, 1, kMostRanks);
  if (!size)
    throw Error(size_name, fmt::format("is not set, and {} is: expected the number of ranks", names.rank));
  const std::uint32_t rank = read_number(names.rank, 0, kMostRanks).value_or(0);
  if (rank >= *size)
    throw Error(names.rank, fmt::format("\"{}\": expected less than {} ({})", rank, size_name, *size));
  launched.rank = Rank{rank};
  launched.size = *size;
  launched.local_rank = read_number(names.local_rank, 0, kMostRanks).value_or(rank);
}

bool agent_holds_port() {
  const char* text = std::getenv("TORCHELASTIC_USE_AGENT_STORE");
  return text != nullptr && std::string_view(text) == "True";
}

void read_master(Launched& launched) {
  const bool one_behind = agent_holds_port();
  const auto port = read_number("MASTER_PORT", 1, one_behind ? kMostPort - 1 : kMostPort);
  launched.port = static_cast<std::uint16_t>(port.value_or(launched.port) + (one_behind ? 1 : 0));
  const char* address = std::getenv("MASTER_ADDR");
  if (address != nullptr) launched.address = address;
  if (launched.address.empty() && launched.size > 1)
    throw Error("MASTER_ADDR", fmt::format("is {}: expected the name or address of rank 0's machine",
                                           address == nullptr ? "not set" : "empty"));
}

Launched read_own_place() {
  Launched launched;
  const auto names = std::find_if(std::begin(kLaunchers), std::end(kLaunchers),
                                  [](const Variables& one) { return std::getenv(one.rank) != nullptr; });
  if (names != std::end(kLaunchers)) {
    read_place(*names, launched);
  } else if (std::getenv("WORLD_SIZE") != nullptr) {
    throw Error("RANK", "is not set, and WORLD_SIZE is: expected this process's rank");
  }
  return launched;
}

}  // namespace

Launched read_launched() {
  Launched launched = read_own_place();
  read_master(launched);
  return launched;
}

std::uint32_t read_local_rank() {
  return read_own_place().local_rank;
}

std::optional<Rank> read_launched_rank() {
  for (const char* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"}) {
    const char* text = std::getenv(name);
    if (text == nullptr) continue;
    const auto number = parse_number<std::uint32_t>(text);
    return number ? std::optional(Rank{*number}) : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace ppsim
