#include "input/config/config_document.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "text/files.hpp"

namespace ppsim {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kBuiltIn = "default";

bool same_file(const std::string& a, const std::string& b) {
  std::error_code failure;
  return a == b || fs::equivalent(a, b, failure);
}

// Tokens of "/a/b"; throws where it is no JSON pointer (RFC 6901).
std::vector<std::string> tokens_of(const Override& override, const std::string& pointer) {
  std::vector<std::string> tokens;
  try {
    for (Pointer rest(pointer); !rest.empty(); rest.pop_back()) tokens.push_back(rest.back());
  } catch (const Json::exception&) {
    throw Error(override.origin, fmt::format("{} is not a JSON pointer", shown(override.pointer)));
  }
  std::reverse(tokens.begin(), tokens.end());
  return tokens;
}

// A list's index as RFC 6901 writes it, within the list.
std::optional<std::size_t> index_in(const Json& list, const std::string& token) {
  for (std::size_t i = 0; i < list.size(); ++i)
    if (token == std::to_string(i)) return i;
  return std::nullopt;
}

std::string asked_at(const Override& override) {
  return fmt::format("{} {}", override.origin, override.pointer);
}

Json canonical(const Json& value, const FieldTable& table);

Json canonical(const Json& value, const Field& field) {
  if (field.table == nullptr) return value;
  if (value.is_object()) return canonical(value, *field.table);
  Json list = value;
  if (list.is_array())
    for (Json& entry : list)
      if (entry.is_object()) entry = canonical(entry, *field.table);
  return list;
}

Json canonical(const Json& value, const FieldTable& table) {
  Json result = Json::object();
  for (const Field& field : table.fields)
    if (field.kind != KeyKind::Note && value.contains(field.name))
      result[std::string(field.name)] = canonical(value[std::string(field.name)], field);
  std::map<std::string, Json> others;
  for (const auto& [name, other] : value.items())
    if (table.find(name) == nullptr) others[name] = other;
  for (const auto& [name, other] : others) result[name] = other;
  return result;
}

}  // namespace

Document::Document(const std::string& path, const std::string& pointer)
    : root_(parse_json(read_file(path), path)) {
  if (!pointer.empty()) root_ = Json(root_.at(Pointer(pointer)));
  const std::string where = path + "#" + pointer;
  if (!root_.is_object())
    throw Error(pointer.empty() ? path : where, fmt::format("{}; expected an object", shown(root_)));
  sources_[""] = {where, path, {path}};
}

Document::Document(Json root, const std::string& path) : root_(std::move(root)) {
  if (!root_.is_object()) throw Error(path, fmt::format("{}; expected an object", shown(root_)));
  sources_[""] = {path + "#", path, {path}};
}

const std::pair<const std::string, Document::Source>& Document::source_of(std::string_view pointer) const {
  for (std::string at(pointer);; at.resize(at.rfind('/'))) {
    const auto found = sources_.find(at);
    if (found != sources_.end()) return *found;
    if (at.find('/') == std::string::npos) return *sources_.begin();  // "", the whole document
  }
}

std::string Document::where(std::string_view pointer) const {
  const auto& [prefix, source] = source_of(pointer);
  std::string where = source.where;
  where += pointer.substr(prefix.size());
  if (where.ends_with('#')) where.pop_back();
  return where;
}

std::string Document::beside(const Pointer& pointer, std::string_view path) const {
  const fs::path file = source_of(pointer.to_string()).second.files.back();
  return (file.parent_path() / path).lexically_normal().string();
}

std::string Document::from_document(const std::string& path) const {
  const fs::path folder = fs::path(sources_.at("").files.front()).parent_path();
  const fs::path relative = fs::path(path).lexically_relative(folder.empty() ? "." : folder);
  return relative.empty() ? path : relative.string();  // an absolute path has no way from a relative one
}

void Document::set_source(const Pointer& pointer, Source source) {
  const std::string prefix = pointer.to_string();
  for (auto it = sources_.lower_bound(prefix); it != sources_.end() && it->first.starts_with(prefix);) {
    const bool under = it->first.size() == prefix.size() || it->first[prefix.size()] == '/';
    it = under ? sources_.erase(it) : std::next(it);
  }
  sources_[prefix] = std::move(source);
}

void Document::set_default(const Pointer& pointer, Json value) {
  root_[pointer] = std::move(value);
  built_in_.insert(pointer.to_string());
}

void Document::offer(const Pointer& pointer, Json value, Source source) {
  offers_.try_emplace(pointer.to_string(), std::move(value), std::move(source));
}

bool Document::take_offered(const Pointer& pointer) {
  const auto offered = offers_.find(pointer.to_string());
  if (offered == offers_.end() || root_.contains(pointer)) return false;
  root_[pointer] = offered->second.first;
  set_source(pointer, offered->second.second);
  return true;
}

void Document::set_absent(const Pointer& pointer, Json built_in) {
  if (!take_offered(pointer)) set_default(pointer, std::move(built_in));
}

bool Document::left_out(const Pointer& pointer) const {
  return built_in_.contains(pointer.to_string());
}

void Document::load_section(const Pointer& pointer) {
  const std::string given = root_[pointer].get<std::string>();
  if (given.empty()) throw Error(where(pointer), "an empty text; expected an object, or the path of a file");
  const std::string path = beside(pointer, given);
  std::vector<std::string> files = source_of(pointer.to_string()).second.files;
  const bool again =
      std::any_of(files.begin(), files.end(), [&](const std::string& file) { return same_file(file, path); });
  files.push_back(path);
  if (again)
    throw Error(where(pointer), fmt::format("the section includes itself: {}", fmt::join(files, " -> ")));
  std::string text;
  try {
    text = read_file(path);
  } catch (const Error& error) {
    throw Error(where(pointer), error.what());
  }
  Json section = parse_json(text, path);
  if (!section.is_object())
    throw Error(path, fmt::format("{}; expected an object with the section's keys", shown(section)));
  root_[pointer] = std::move(section);
  const bool asked = source_of(pointer.to_string()).second.asked;
  set_source(pointer, {path + "#", path, std::move(files), asked});
}

void Document::inline_sections() {
  inline_sections(Pointer(), kConfigFields);
  for (const MovedKey& key : moved_keys()) move_key(key);
}

void Document::inline_sections(const Pointer& pointer, const FieldTable& table) {
  for (const Field& field : table.fields) {
    if (field.kind != KeyKind::Section) continue;
    const Pointer child = pointer / std::string(field.name);
    if (!root_.contains(child)) continue;
    if (root_[child].is_string()) load_section(child);
    if (root_[child].is_object()) inline_sections(child, *field.table);
  }
}

void Document::check_place(const Override& override, const Pointer& parent, const std::string& token) {
  const Json& holder = root_[parent];
  if (holder.is_object() || (holder.is_array() && index_in(holder, token))) return;
  throw Error(asked_at(override),
              fmt::format("there is no such place: {} is {}",
                          parent.empty() ? "the document" : parent.to_string(), shown(holder)));
}

// Makes sure that something stands at `pointer`, on the way to what is overridden.
void Document::step_into(const Override& override, const Pointer& pointer, const Field* field) {
  if (!root_.contains(pointer) || root_[pointer].is_null()) {
    root_[pointer] = Json::object();
    set_source(pointer, {fmt::format("{} {}", override.origin, pointer.to_string()), override.origin,
                         sources_.at("").files, true});
  }
  if (root_[pointer].is_string() && field != nullptr && field->kind == KeyKind::Section)
    load_section(pointer);
}

void Document::put(const Override& override, const Pointer& pointer, Json value) {
  Json& holder = root_[pointer.parent_pointer()];
  if (value.is_null() && holder.is_object()) {
    holder.erase(pointer.back());
  } else {
    root_[pointer] = std::move(value);
  }
  set_source(pointer, {asked_at(override), override.origin, sources_.at("").files, true});
}

void Document::apply(const Override& override) {
  const std::vector<std::string> tokens = tokens_of(override, settle(override));
  if (tokens.empty())
    throw Error(override.origin, "no key to set; expected a pointer such as /schedule/name");
  Pointer pointer;
  const FieldTable* table = &kConfigFields;
  for (const std::string& token : tokens) {
    check_place(override, pointer, token);
    const bool in_list = root_[pointer].is_array();
    const Field* field = table == nullptr || in_list ? nullptr : table->find(token);
    pointer /= token;
    if (&token == &tokens.back()) break;
    step_into(override, pointer, field);
    table = field == nullptr ? nullptr : field->table;
  }
  put(override, pointer, override_value(override.value));
}

std::vector<std::string> Document::files_of(const Pointer& pointer) const {
  return source_of(pointer.to_string()).second.files;
}

void Document::make_canonical() {
  root_ = canonical(root_, kConfigFields);
}

std::vector<Config::Origin> Document::origins() const {
  std::vector<Config::Origin> origins;
  list_origins(Pointer(), root_, origins);
  return origins;
}

void Document::list_origins(const Pointer& pointer, const Json& value,
                            std::vector<Config::Origin>& origins) const {
  if (!value.is_object() || value.empty()) {
    const std::string place = pointer.to_string();
    origins.push_back({place, compact(value),
                       built_in_.contains(place) ? std::string(kBuiltIn) : source_of(place).second.from});
    return;
  }
  for (const auto& [name, child] : value.items()) list_origins(pointer / name, child, origins);
}

std::vector<Config::Place> Document::places() const {
  std::vector<Config::Place> places;
  for (const auto& [pointer, source] : sources_) places.push_back({pointer, source.where});
  return places;
}

std::string locate(const Config& config, std::string_view pointer) {
  const Config::Place* nearest = nullptr;
  for (const Config::Place& place : config.places) {
    const bool holds = pointer.starts_with(place.pointer) &&
                       (pointer.size() == place.pointer.size() || pointer[place.pointer.size()] == '/');
    if (holds && (nearest == nullptr || place.pointer.size() > nearest->pointer.size())) nearest = &place;
  }
  if (nearest == nullptr) return std::string(pointer);
  std::string where = nearest->where;
  where += pointer.substr(nearest->pointer.size());
  if (where.ends_with('#')) where.pop_back();
  return where;
}

}  // namespace ppsim
