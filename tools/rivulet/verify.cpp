// rivulet verify: networks against recorded outputs, samplers against recorded trajectories.

#include "verify.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>
#include <system_error>

#include "cli.h"
#include "core/error.h"
#include "progress_bar.h"

namespace rivulet::cli {
namespace {

namespace fs = std::filesystem;

struct VerifyOptions {
  std::string folder;
  std::string precision = "fp32";
  std::optional<double> tolerance;
  bool json = false;
};

struct Found {
  std::vector<fs::path> networks;  // folders
  std::vector<fs::path> samplers;  // files
};

/// Folders and files below `root`, in name order, so that the lines come out the same everywhere. Links to folders are
/// not followed: they could lead in circles.
Found discover(const fs::path& root) {
  std::error_code error;
  if (!fs::is_directory(root, error)) {
    throw Error(ErrorCode::Io, "'" + root.string() +
                                   "' is not a folder: verify takes a folder that is, or holds, network folders "
                                   "with an io.safetensors, or a samplers.json");
  }
  Found found;
  const auto look = [&found](const fs::path& folder) {
    std::error_code ignored;
    if (fs::is_regular_file(folder / "io.safetensors", ignored)) found.networks.push_back(folder);
    if (fs::is_regular_file(folder / "samplers.json", ignored)) found.samplers.push_back(folder / "samplers.json");
  };
  look(root);
  fs::recursive_directory_iterator it(root, fs::directory_options::skip_permission_denied, error);
  if (error) throw Error(ErrorCode::Io, "'" + root.string() + "' cannot be read: " + error.message());
  while (it != fs::recursive_directory_iterator()) {
    if (it->is_directory(error) && !it->is_symlink(error)) look(it->path());
    it.increment(error);
    if (error) throw Error(ErrorCode::Io, "'" + root.string() + "' cannot be read: " + error.message());
  }
  std::sort(found.networks.begin(), found.networks.end());
  std::sort(found.samplers.begin(), found.samplers.end());
  return found;
}

/// "unet_ddpm_small" below root; the folder's own name for root itself.
std::string nameOf(const fs::path& root, const fs::path& path) {
  const fs::path relative = path.lexically_relative(root);
  if (!relative.empty() && relative != ".") return relative.generic_string();
  std::error_code error;
  const fs::path absolute = fs::weakly_canonical(root, error);
  const fs::path leaf = absolute.filename().empty() ? absolute.parent_path().filename() : absolute.filename();
  return leaf.empty() ? "." : leaf.string();
}

void print(const VerifyRow& row) {
  if (!row.error.empty()) {
    std::printf("%-34s FAIL  %s\n", row.name.c_str(), row.error.c_str());
  } else {
    std::printf("%-34s max abs %.3e  rel L2 %.3e  %s\n", row.name.c_str(), row.maxError, row.relativeL2,
                row.ok ? "ok" : "FAIL");
  }
  std::fflush(stdout);
}

nlohmann::ordered_json toJson(const VerifyRow& row) {
  const auto number = [](double value) {
    return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json();
  };
  nlohmann::ordered_json json = {{"name", row.name}, {"kind", row.kind}, {"shape", row.shape}};
  if (!row.error.empty()) {
    json["error"] = row.error;
  } else {
    json["max_abs_error"] = number(row.maxError);
    json["relative_l2"] = number(row.relativeL2);
    json["measured"] = number(row.measured);
    json["tolerance"] = row.tolerance;
  }
  json["ok"] = row.ok;
  return json;
}

int verify(const Globals& globals, const VerifyOptions& options) {
  if (options.tolerance && !(*options.tolerance >= 0.0 && std::isfinite(*options.tolerance))) {
    throw Error(ErrorCode::InvalidArgument, "--tolerance must be 0 or more");
  }
  const engine::Precision precision = engine::parsePrecision(options.precision);
  const fs::path root = options.folder;
  const Found found = discover(root);
  if (found.networks.empty() && found.samplers.empty()) {
    std::fprintf(stderr,
                 "rivulet: error: nothing to verify in '%s': no folder in it holds an io.safetensors, and there is no "
                 "samplers.json\n",
                 root.string().c_str());
    if (options.json) printJson({{"cases", nlohmann::ordered_json::array()}, {"failed", 0}, {"ok", false}});
    return kFailed;
  }

  const std::shared_ptr<vk::Device> device = openDevice(globals);
  vk::PipelineCache pipelines(device);
  vk::CommandStream stream(device);
  ProgressBar bar;
  std::vector<VerifyRow> rows;
  VerifyContext context{device, pipelines, stream, precision, options.tolerance, {}, {}};
  context.report = [&](const VerifyRow& row) {
    bar.finish();
    if (!options.json) print(row);
    if (!row.error.empty()) std::fprintf(stderr, "rivulet: error: %s: %s\n", row.name.c_str(), row.error.c_str());
    rows.push_back(row);
  };
  context.progress = [&](const std::string& what, std::size_t done, std::size_t total) {
    bar.update(what, done, total);
  };

  for (const fs::path& folder : found.networks) verifyNetwork(context, folder, nameOf(root, folder));
  for (const fs::path& file : found.samplers) {
    const fs::path folder = file.parent_path().lexically_relative(root);
    verifySamplers(context, file,
                   folder.empty() || folder == "." ? "samplers" : (folder / "samplers").generic_string());
  }
  bar.finish();

  const auto failed =
      static_cast<std::size_t>(std::count_if(rows.begin(), rows.end(), [](const VerifyRow& r) { return !r.ok; }));
  if (options.json) {
    nlohmann::ordered_json cases = nlohmann::ordered_json::array();
    for (const VerifyRow& row : rows) cases.push_back(toJson(row));
    printJson({{"device", device->caps().name},
               {"precision", options.precision},
               {"cases", cases},
               {"failed", failed},
               {"ok", failed == 0 && !rows.empty()}});
  } else {
    std::printf("%zu of %zu cases ok (%s, %s)\n", rows.size() - failed, rows.size(), options.precision.c_str(),
                device->caps().name.c_str());
  }
  return failed == 0 && !rows.empty() ? kOk : kFailed;
}

}  // namespace

void measure(std::span<const float> computed, std::span<const float> recorded, VerifyRow& row) {
  double sum = 0.0, norm = 0.0, largest = 0.0;
  bool finite = computed.size() == recorded.size();
  for (std::size_t i = 0; finite && i < recorded.size(); ++i) {
    const double difference = static_cast<double>(computed[i]) - static_cast<double>(recorded[i]);
    finite = std::isfinite(difference);
    sum += difference * difference;
    norm += static_cast<double>(recorded[i]) * static_cast<double>(recorded[i]);
    largest = std::max(largest, std::abs(difference));
  }
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  row.maxError = finite ? largest : kInfinity;
  row.relativeL2 = finite ? (norm > 0.0 ? std::sqrt(sum / norm) : std::sqrt(sum)) : kInfinity;
}

void addVerify(CLI::App& app, const Globals& globals, Run& run) {
  CLI::App* command = app.add_subcommand("verify", "Compare networks and samplers with recorded outputs");
  auto options = std::make_shared<VerifyOptions>();
  command
      ->add_option("DIR", options->folder,
                   "A folder that is, or holds, network folders with io.safetensors, or samplers.json")
      ->required();
  command->add_option("--precision", options->precision, "fp32, fp16 or int8 (networks; sampler state is always fp32)")
      ->check(CLI::IsMember({"fp32", "fp16", "int8"}))
      ->capture_default_str();
  command->add_option("--tolerance", options->tolerance,
                      "Largest error: relative L2 of networks (default 1e-4, fp16 1e-2, int8 1e-1), fraction of the "
                      "largest |x| of samplers "
                      "(default 1e-4)");
  command->add_flag("--json", options->json, "Print JSON");
  command->callback([&globals, &run, options] { run = [&globals, options] { return verify(globals, *options); }; });
}

}  // namespace rivulet::cli
