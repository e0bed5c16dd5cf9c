#include "replay/group.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace ppsim {
namespace {

constexpr Tag kGroupTag = 0;

}  // namespace

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// The rank that stands still is best known to who waits for its message in a step; then to rank 0. The others
// only know that rank 0 is silent.
Time Group::limit() const {
  return patience_ * (is_first() ? 2 : 3);
}

void Group::finish(Rank peer) {
  try {
    if (transport_.wait(clock_now() + limit())) return;
  } catch (const Stopped& stopped) {
    throw ReplayError(fmt::format("rank {}: {} while it waited for rank {}", index(transport_.rank()),
                                  stopped.what(), index(peer)));
  }
  throw ReplayError(
      fmt::format("rank {}: heard nothing from rank {} for {} s while the ranks wait for one another",
                  index(transport_.rank()), index(peer), std::chrono::duration<double>(limit()).count()));
}

void Group::send(Rank to, std::span<const std::byte> data) {
  transport_.send(to, kGroupTag, data, 0);
  finish(to);
}

void Group::receive(Rank from, std::span<std::byte> data) {
  transport_.receive(from, kGroupTag, data, 0);
  finish(from);
}

// Its length first.
void Group::send_blob(Rank to, std::span<const std::byte> blob) {
  const std::uint64_t length = blob.size();
  send(to, std::as_bytes(std::span(&length, 1)));
  if (length > 0) send(to, blob);
}

Blob Group::receive_blob(Rank from) {
  std::uint64_t length = 0;
  receive(from, std::as_writable_bytes(std::span(&length, 1)));
  Blob blob(length);
  if (length > 0) receive(from, blob);
  return blob;
}

std::vector<Blob> Group::gather(std::span<const std::byte> blob) {
  if (!is_first()) {
    send_blob(Rank{0}, blob);
    return {};
  }
  std::vector<Blob> blobs = {Blob(blob.begin(), blob.end())};
  for (std::uint32_t rank = 1; rank < transport_.size(); ++rank) blobs.push_back(receive_blob(Rank{rank}));
  return blobs;
}

Blob Group::broadcast(std::span<const std::byte> blob) {
  if (!is_first()) return receive_blob(Rank{0});
  for (std::uint32_t rank = 1; rank < transport_.size(); ++rank) send_blob(Rank{rank}, blob);
  return Blob(blob.begin(), blob.end());
}

void Group::barrier() {
  (void)gather({});
  (void)broadcast({});
}

std::string Group::first_fault(std::string_view fault) {
  const std::vector<Blob> faults = gather(bytes_of(fault));
  std::string text;
  const auto first = std::find_if(faults.begin(), faults.end(), [](const Blob& one) { return !one.empty(); });
  if (first != faults.end()) {
    const bool same =
        std::all_of(faults.begin(), faults.end(), [&](const Blob& one) { return one == *first; });
    if (!same) text = fmt::format("rank {}: ", first - faults.begin());
    text += text_of(*first);
  }
  return std::string(text_of(broadcast(bytes_of(text))));
}

}  // namespace ppsim
