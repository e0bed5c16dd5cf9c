#include "rendezvous.hpp"

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

namespace fakes {
namespace {

const std::string kFolder = "/dev/shm/";
const std::string kPrefix = "fake-nccl-";

[[noreturn]] void throw_errno(const std::string& path) {
  throw std::system_error(errno, std::generic_category(), path);
}

/// Between processes, which std::atomic::wait isn't. Wakes up now and then for what no other process counts.
void sleep_while(std::atomic<uint32_t>& word, uint32_t value) {
  const timespec most{.tv_sec = 0, .tv_nsec = 200'000'000};
  syscall(SYS_futex, &word, FUTEX_WAIT, value, &most, nullptr, 0);
}

void wake_all(std::atomic<uint32_t>& word) {
  syscall(SYS_futex, &word, FUTEX_WAKE, INT32_MAX, nullptr, nullptr, 0);
}

/// Whether a file's processes are all dead: each holds a shared lock. Young files may not have been locked
/// yet.
bool is_left_behind(const std::string& path) {
  struct stat status {};
  const int file = open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (file < 0) return false;
  const bool old = fstat(file, &status) == 0 && time(nullptr) - status.st_mtime > 60;
  const bool left = old && flock(file, LOCK_EX | LOCK_NB) == 0;
  close(file);
  return left;
}

}  // namespace

Rendezvous::Rendezvous(const std::string& name, int ranks)
    : path_(kFolder + kPrefix + name), ranks_(static_cast<size_t>(ranks)) {
  bytes_ = rows_offset() + (2 * ranks_ * ranks_ + ranks_) * sizeof(Row);
  file_ = open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file_ < 0) throw_errno(path_);
  flock(file_, LOCK_SH);
  // A sparse file of zeros, whoever comes first: only what is written takes memory.
  struct stat status {};
  if (fstat(file_, &status) != 0) throw_errno(path_);
  if (static_cast<size_t>(status.st_size) < bytes_ && ftruncate(file_, static_cast<off_t>(bytes_)) != 0) {
    throw_errno(path_);
  }
  void* const memory = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, file_, 0);
  if (memory == MAP_FAILED) throw_errno(path_);
  memory_ = static_cast<char*>(memory);
}

Rendezvous::~Rendezvous() {
  if (!all_joined()) unlink();
  munmap(memory_, bytes_);
  close(file_);
}

bool Rendezvous::join(int rank) {
  auto& header = *reinterpret_cast<Header*>(memory_);
  uint32_t said = 0;
  const auto ranks = static_cast<uint32_t>(ranks_);
  if (!header.ranks.compare_exchange_strong(said, ranks) && said != ranks) return false;
  if (has_joined(rank).exchange(1) != 0) return false;
  if (++header.joined == ranks) unlink();
  wake();
  return true;
}

bool Rendezvous::all_joined() const {
  return reinterpret_cast<Header*>(memory_)->joined == static_cast<uint32_t>(ranks_);
}

void Rendezvous::wait_until_all_joined(const std::atomic<bool>& stop) {
  wait([this] { return all_joined(); }, stop);
}

void Rendezvous::start(size_t number, uint64_t index, const Said& said) {
  row(number).said[index % kEntries] = said;
  row(number).started = index + 1;
  wake();
}

std::optional<Said> Rendezvous::wait_for(size_t number, uint64_t index, const std::atomic<bool>& stop) {
  const Row& its_row = row(number);
  wait([&] { return its_row.started > index; }, stop);
  return its_row.started > index ? std::optional(its_row.said[index % kEntries]) : std::nullopt;
}

template <class Ready>
void Rendezvous::wait(Ready ready, const std::atomic<bool>& stop) {
  auto& changes = reinterpret_cast<Header*>(memory_)->changes;
  while (true) {
    const uint32_t seen = changes;
    if (ready() || stop) return;
    sleep_while(changes, seen);
  }
}

void Rendezvous::wake() {
  auto& changes = reinterpret_cast<Header*>(memory_)->changes;
  ++changes;
  wake_all(changes);
}

void Rendezvous::unlink() {
  ::unlink(path_.c_str());
}

std::atomic<uint32_t>& Rendezvous::has_joined(int rank) {
  return reinterpret_cast<std::atomic<uint32_t>*>(memory_ + sizeof(Header))[rank];
}

size_t Rendezvous::rows_offset() const {
  const size_t used = sizeof(Header) + ranks_ * sizeof(std::atomic<uint32_t>);
  return (used + alignof(Row) - 1) / alignof(Row) * alignof(Row);
}

Rendezvous::Row& Rendezvous::row(size_t number) {
  return reinterpret_cast<Row*>(memory_ + rows_offset())[number];
}

void Rendezvous::sweep() {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder, ignored)) {
    const std::string path = entry.path().string();
    if (entry.path().filename().string().starts_with(kPrefix) && is_left_behind(path)) ::unlink(path.c_str());
  }
}

}  // namespace fakes
