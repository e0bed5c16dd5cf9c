// Files: whole or not at all.
#include "text/files.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <new>
#include <system_error>
#include <utility>

#include "ppsim/core/error.hpp"

namespace ppsim {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBlock = std::size_t{1} << 18;

std::string reason(int number) {
  return std::generic_category().message(number);
}

bool is_packed(const std::string& path) {
  return path.ends_with(".gz");
}

// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }

  [[nodiscard]] int number() const { return number_; }

  // Closes now; false where what was written did not reach the file.
  [[nodiscard]] bool close() { return ::close(std::exchange(number_, -1)) == 0; }

 private:
  int number_;
};

// /dev/zero has no end, memory has.
constexpr std::size_t kMostBytes = std::size_t{1} << 30;

std::string read_plain(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.number() < 0) throw Error(path, fmt::format("cannot be read: {}", reason(errno)));
  std::string content;
  for (;;) {
    const std::size_t before = content.size();
    content.resize(before + kBlock);
    const auto count = ::read(file.number(), content.data() + before, kBlock);
    if (count < 0 && errno != EINTR) throw Error(path, fmt::format("cannot be read: {}", reason(errno)));
    content.resize(before + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    if (count == 0) return content;
    if (content.size() > kMostBytes) throw Error(path, "is longer than 1 GiB; no input of ours is");
  }
}

// Feeds `input` of any length (zlib counts in 32 bits) through `step`, block by block, until the stream ends.
// Gives zlib's last answer.
template <class Step>
int pump(z_stream& stream, std::string_view input, std::string& output, Step step) {
  int answer = Z_OK;
  while (answer == Z_OK) {
    if (stream.avail_in == 0) {
      const auto block = input.substr(0, kBlock);
      input.remove_prefix(block.size());
      // zlib does not write to its input; its type is older than const.
      stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(block.data()));
      stream.avail_in = static_cast<uInt>(block.size());
    }
    const std::size_t before = output.size();
    output.resize(before + kBlock);
    stream.next_out = reinterpret_cast<Bytef*>(output.data() + before);
    stream.avail_out = static_cast<uInt>(kBlock);
    answer = step(stream, input.empty() ? Z_FINISH : Z_NO_FLUSH);
    output.resize(before + kBlock - stream.avail_out);
    // Z_FINISH with a full output block is no failure: there is more to come.
    if (answer == Z_BUF_ERROR && stream.avail_out == 0) answer = Z_OK;
  }
  return answer;
}

constexpr int kGzip = 15 + 16;  // zlib's largest window, gzip header and trailer

// All members of a gzip file, one after the other.
std::string unpack(const std::string& path, std::string_view packed) {
  z_stream stream{};
  if (inflateInit2(&stream, kGzip) != Z_OK) throw std::bad_alloc();
  const std::unique_ptr<z_stream, int (*)(z_stream*)> guard(&stream, inflateEnd);
  std::string content;
  do {
    const int answer =
        pump(stream, packed, content, [](z_stream& s, int) { return inflate(&s, Z_NO_FLUSH); });
    if (answer != Z_STREAM_END) throw Error(path, "is not a whole gzip file");
    packed.remove_prefix(static_cast<std::size_t>(stream.total_in));
    stream.avail_in = 0;
  } while (!packed.empty() && inflateReset(&stream) == Z_OK);
  return content;
}

// zlib's own header: no name and no time, so the same content gives the same bytes.
std::string pack(std::string_view content) {
  z_stream stream{};
  constexpr int kMemoryLevel = 8;  // zlib's default
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzip, kMemoryLevel, Z_DEFAULT_STRATEGY) !=
      Z_OK)
    throw std::bad_alloc();
  const std::unique_ptr<z_stream, int (*)(z_stream*)> guard(&stream, deflateEnd);
  std::string packed;
  const int answer = pump(stream, content, packed, [](z_stream& s, int flush) { return deflate(&s, flush); });
  PPSIM_ASSERT(answer == Z_STREAM_END, fmt::format("deflate answered {}", answer));
  return packed;
}

bool write_all(int file, std::string_view content) {
  while (!content.empty()) {
    const auto count = ::write(file, content.data(), std::min(content.size(), kBlock));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    content.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

[[noreturn]] void fail_to_write(const std::string& path, int number) {
  throw Error(path, fmt::format("cannot be written: {}", reason(number)));
}

// A new file beside `path`, gone with this object unless renamed.
class Temporary {
 public:
  explicit Temporary(const std::string& path) : name_(path), file_(create(name_)) {
    if (file_.number() < 0) fail_to_write(path, errno);
  }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  ~Temporary() {
    if (!renamed_) ::unlink(name_.c_str());
  }

  [[nodiscard]] bool write(std::string_view content) {
    return write_all(file_.number(), content) && file_.close();
  }

  [[nodiscard]] bool rename(const std::string& path) {
    return renamed_ = ::rename(name_.c_str(), path.c_str()) == 0;
  }

 private:
  // O_EXCL, so that two writers never share one; a name left over from a killed run is passed by.
  static int create(std::string& name) {
    const std::string path = name;
    constexpr int kTries = 1000;
    int file = -1;
    for (int i = 0; i < kTries && file < 0; ++i) {
      name = fmt::format("{}.{}-{}.tmp", path, ::getpid(), i);
      file = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
      if (file < 0 && errno != EEXIST) break;
    }
    return file;
  }

  std::string name_;
  Descriptor file_;
  bool renamed_ = false;
};

// Pipes and devices (/dev/stdout) cannot be replaced by a rename: they are written as they are.
void write_in_place(const std::string& path, std::string_view content) {
  Descriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (file.number() < 0 || !write_all(file.number(), content) || !file.close()) fail_to_write(path, errno);
}

// The file behind a symbolic link, so that the link stays; the path itself where there is none.
std::string target_of(const std::string& path) {
  std::error_code failure;
  const auto target = fs::canonical(path, failure);
  return failure ? path : target.string();
}

bool is_special(const std::string& path) {
  std::error_code failure;
  const auto status = fs::status(path, failure);
  return fs::exists(status) && !fs::is_regular_file(status) && !fs::is_directory(status);
}

}  // namespace

std::string read_file(const std::string& path) {
  std::error_code failure;
  const auto status = fs::status(path, failure);
  if (status.type() == fs::file_type::not_found) throw Error(path, "there is no such file");
  if (fs::is_directory(status)) throw Error(path, "is a folder; expected a file");
  std::string content = read_plain(path);
  return is_packed(path) ? unpack(path, content) : content;
}

void check_writable(const std::string& path) {
  std::error_code failure;
  if (path.empty()) throw Error("", "an empty path cannot be written");
  if (fs::is_directory(path, failure) || path.ends_with('/'))
    throw Error(path, "is a folder; expected a file to write");
  const std::string target = target_of(path);
  if (is_special(target)) {
    if (::access(target.c_str(), W_OK) != 0) fail_to_write(path, errno);
    return;
  }
  const auto parent = fs::path(target).parent_path();
  const std::string folder = parent.empty() ? "." : parent.string();
  if (!fs::is_directory(folder, failure))
    throw Error(path, fmt::format("cannot be written: there is no folder {}", folder));
  if (::access(folder.c_str(), W_OK | X_OK) != 0)
    throw Error(path, fmt::format("cannot be written: the folder {} is not writable", folder));
  // Root may write anywhere by these rules, and yet not make a file in /proc.
  if (!Temporary(target).write("")) fail_to_write(path, errno);
}

void write_file(const std::string& path, std::string_view content) {
  check_writable(path);
  const std::string packed = is_packed(path) ? pack(content) : std::string();
  const std::string_view bytes = is_packed(path) ? packed : content;
  const std::string target = target_of(path);
  if (is_special(target)) return write_in_place(target, bytes);
  Temporary temporary(target);
  if (!temporary.write(bytes) || !temporary.rename(target)) fail_to_write(path, errno);
}

}  // namespace ppsim
