// rivulet generate: textures as PNG files, sheets and repeated tiles.

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <system_error>

#include "cli.h"
#include "core/error.h"
#include "engine/generator.h"
#include "image/image_io.h"
#include "image/sheet.h"
#include "image/style.h"
#include "model_lookup.h"
#include "progress_bar.h"
#include "samplers/registry.h"

namespace rivulet::cli {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

struct GenerateOptions {
  std::string model, classes, sampler, size, styleFrom, style, out, tile, precision;
  std::uint64_t seed = 0;
  std::uint32_t steps = 0, count = 1, lanes = 0;
  float guidance = 1.0f;
  bool clamp = false, sheet = false, json = false;
};

[[noreturn]] void invalid(const std::string& message) {
  throw Error(ErrorCode::InvalidArgument, message);
}

std::vector<float> parseStyle(const std::string& text) {
  std::vector<float> style;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t end = std::min(text.find(',', start), text.size());
    const std::string item = text.substr(start, end - start);
    try {
      std::size_t used = 0;
      style.push_back(std::stof(item, &used));
      if (used != item.size()) throw std::invalid_argument(item);
    } catch (const std::exception&) {
      invalid("'" + item + "' in --style is not a number: write numbers with commas between them");
    }
    start = end + 1;
  }
  return style;
}

/// One row of requests per class.
std::vector<engine::Request> makeRequests(const models::NetworkInfo& info, const GenerateOptions& options) {
  engine::Request base;
  base.steps = options.steps;
  base.sampler = options.sampler;
  base.guidance = options.guidance;
  base.wrap = options.clamp ? models::Wrap::Clamp : models::Wrap::Repeat;
  if (!options.size.empty()) {
    const Size size = parseSize(options.size);
    if (size.width == 0 || size.height == 0) {
      invalid("--size " + options.size + ": width and height must be at least " + std::to_string(info.sizeMultiple));
    }
    base.width = size.width;
    base.height = size.height;
  }
  if (!options.style.empty()) base.style = parseStyle(options.style);
  if (!options.styleFrom.empty()) {
    if (info.styleDim != kStyleSize) invalid("'" + info.name + "' takes no style vector: leave --style-from out");
    const Style style = styleOf(readImage(options.styleFrom));
    base.style.assign(style.begin(), style.end());
  }

  std::vector<std::vector<engine::ClassWeight>> rows;
  if (options.classes == "all" && !info.classes.empty()) {
    for (std::uint32_t i = 0; i < info.classes.size(); ++i) rows.push_back({{i, 1.0f}});
  } else if (options.classes.empty() || (options.classes == "all" && info.classes.empty())) {
    rows.emplace_back();  // resolve() objects where the model needs a class
  } else {
    rows.push_back(engine::parseClasses(info, options.classes));
  }
  std::vector<engine::Request> requests;
  for (const auto& classes : rows) {
    for (std::uint32_t i = 0; i < options.count; ++i) {
      requests.push_back(base);
      requests.back().classes = classes;
      requests.back().seed = options.seed + i;
    }
  }
  return requests;
}

/// Letters, digits, '-' and '_' of a text; the rest becomes '_'.
std::string fileName(const std::string& text) {
  std::string name = text;
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return !std::isalnum(c) && c != '-' && c != '_'; }, '_');
  return name;
}

/// The first three channels as RGB, or the first as grey.
Image imageOf(const engine::Texture& texture) {
  const std::uint32_t channels = texture.channels >= 3 ? 3 : 1;
  const std::size_t values = std::size_t{channels} * texture.width * texture.height;
  return imageFromChw(std::span(texture.pixels).first(values), channels, texture.height, texture.width);
}

/// Where things go: one file, or a folder with a file per texture.
struct Output {
  fs::path file, folder;
};

Output planOutput(const GenerateOptions& options, std::size_t count) {
  Output output;
  const fs::path out = options.out;
  std::string extension = out.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  std::error_code error;
  if (extension == ".png" && !fs::is_directory(out, error)) {
    if (count > 1 && !options.sheet) {
      invalid("--out " + options.out + " is one file, but " + std::to_string(count) +
              " textures were asked for: give a folder, or add --sheet");
    }
    output.file = out;
    error.clear();  // of a file that is not there yet
    if (out.has_parent_path()) fs::create_directories(out.parent_path(), error);
    if (error) throw Error(ErrorCode::Io, "'" + out.parent_path().string() + "' cannot be created: " + error.message());
    return output;
  }
  if (!extension.empty() && !fs::is_directory(out, error) &&
      (extension == ".jpg" || extension == ".jpeg" || extension == ".bmp")) {
    invalid("--out " + options.out + ": only PNG files are written");
  }
  fs::create_directories(out, error);
  if (error) throw Error(ErrorCode::Io, "'" + out.string() + "' cannot be created: " + error.message());
  output.folder = out;
  return output;
}

nlohmann::ordered_json toJson(const models::NetworkInfo& info, const engine::Texture& texture, const fs::path& file) {
  nlohmann::ordered_json json = {{"class", engine::classText(info, texture.request.classes)},
                                 {"seed", texture.request.seed},
                                 {"sampler", texture.sampler},
                                 {"steps", texture.request.steps == 0 ? engine::kDefaultSteps : texture.request.steps},
                                 {"evaluations", texture.evaluations},
                                 {"width", texture.width},
                                 {"height", texture.height},
                                 {"guidance", texture.request.guidance},
                                 {"style", texture.request.style},
                                 {"finite", texture.finite},
                                 {"lanes", texture.lanes},
                                 {"seconds", texture.seconds}};
  if (!file.empty()) json["file"] = file.generic_string();
  return json;
}

int generate(const Globals& globals, const GenerateOptions& options) {
  const Clock::time_point start = Clock::now();
  const auto elapsed = [&] { return std::chrono::duration<double>(Clock::now() - start).count(); };
  const std::shared_ptr<const models::Network> network = models::Network::load(findModel(options.model));
  const models::NetworkInfo& info = network->info();
  const std::vector<engine::Request> requests = makeRequests(info, options);
  for (const engine::Request& request : requests) {  // before a device is opened or a folder made
    engine::makePlan(info, engine::resolve(info, request));
  }
  Size tile{1, 1};
  if (!options.tile.empty()) {
    tile = parseSize(options.tile);
    if (tile.width == 0 || tile.height == 0 || tile.width > 64 || tile.height > 64)
      invalid("--tile goes from 1x1 to 64x64");
  }
  const Output output = planOutput(options, requests.size());

  const std::shared_ptr<vk::Device> device = openDevice(globals);
  vk::PipelineCache pipelines(device);
  engine::GeneratorOptions generatorOptions;
  generatorOptions.precision = engine::parsePrecision(options.precision, device->caps());
  generatorOptions.lanes = options.lanes;
  engine::Generator generator(network, pipelines, generatorOptions);

  ProgressBar bar;
  double firstTexture = 0.0;
  std::vector<fs::path> files(requests.size());
  std::vector<Image> images(options.sheet ? requests.size() : 0);
  std::size_t broken = 0;
  const auto onTexture = [&](std::size_t index, engine::Texture& texture) {
    if (!texture.finite) ++broken;
    Image image = imageOf(texture);
    if (tile.width * tile.height > 1) image = tiled(image, tile.width, tile.height);
    if (!output.folder.empty()) {
      files[index] = output.folder / (fileName(engine::classText(info, texture.request.classes)) + "_" +
                                      std::to_string(texture.request.seed) + ".png");
    } else if (!options.sheet) {
      files[index] = output.file;
    }
    if (!files[index].empty()) writePng(files[index], image);
    if (options.sheet) images[index] = std::move(image);
    texture.pixels = {};  // thousands of textures may follow
    if (firstTexture == 0.0) firstTexture = elapsed();
  };
  const std::vector<engine::Texture> textures = generator.generate(
      requests,
      [&](const engine::Progress& progress) {
        bar.update(engine::toString(progress.stage), progress.done, progress.total);
      },
      onTexture);
  bar.finish();
  fs::path sheet;
  if (options.sheet) {
    sheet = output.folder.empty() ? output.file : output.folder / "sheet.png";
    SheetOptions sheetOptions;
    if (requests.size() > options.count) sheetOptions.columns = options.count;  // a row per class
    writePng(sheet, contactSheet(images, sheetOptions));
  }
  const double seconds = elapsed(), perTexture = seconds / static_cast<double>(textures.size());

  const engine::MemoryUse memory = generator.memory();
  if (options.json) {
    nlohmann::ordered_json rows = nlohmann::ordered_json::array();
    for (std::size_t i = 0; i < textures.size(); ++i) rows.push_back(toJson(info, textures[i], files[i]));
    nlohmann::ordered_json json = {{"model", info.name},
                                   {"device", device->caps().name},
                                   {"precision", toString(generatorOptions.precision)},
                                   {"textures", rows},
                                   {"seconds", seconds},
                                   {"first_texture_seconds", firstTexture},
                                   {"seconds_per_texture", perTexture},
                                   {"arena_bytes", memory.arenaBytes},
                                   {"weight_bytes", memory.weightBytes},
                                   {"allocated_bytes", memory.allocatedBytes}};
    if (!sheet.empty()) json["sheet"] = sheet.generic_string();
    printJson(json);
  } else {
    if (textures.size() == 1 && !files[0].empty()) std::printf("%s\n", files[0].string().c_str());
    if (textures.size() > 1 && !output.folder.empty())
      std::printf("%zu files in %s\n", textures.size(), output.folder.string().c_str());
    if (!sheet.empty()) std::printf("%s\n", sheet.string().c_str());
    const engine::Texture& first = textures.front();
    std::printf("%s, %zu %s of %ux%u, %s with %u evaluations, %s on %s\n", info.name.c_str(), textures.size(),
                textures.size() == 1 ? "texture" : "textures", first.width, first.height, first.sampler.c_str(),
                first.evaluations, toString(generatorOptions.precision), device->caps().name.c_str());
    std::printf("first texture after %.2f s, %.3f s per texture, %.2f s in all; %s of device memory\n", firstTexture,
                perTexture, seconds, bytesText(memory.allocatedBytes).c_str());
  }
  if (broken > 0) {
    std::fprintf(stderr, "rivulet: warning: %zu of %zu textures held NaN or infinity%s\n", broken, textures.size(),
                 generatorOptions.precision != engine::Precision::Fp32 ? ": try --precision fp32" : "");
  }
  return kOk;
}

}  // namespace

void addGenerate(CLI::App& app, const Globals& globals, Run& run) {
  CLI::App* command = app.add_subcommand("generate", "Make textures");
  auto options = std::make_shared<GenerateOptions>();
  command->add_option("--model", options->model, "A weight file, a diffusers folder, or the name of an installed model")
      ->required();
  command->add_option("--class", options->classes, "A class, 'all', or a blend such as brick:0.7,moss:0.3");
  command->add_option("--seed", options->seed, "Seed of the first texture; --count goes up from it")
      ->capture_default_str();
  command->add_option("--steps", options->steps, "Steps of the sampler")
      ->check(CLI::Range(1u, engine::kMaxSteps))
      ->default_str(std::to_string(engine::kDefaultSteps));
  std::string samplers;
  for (const std::string_view name : samplerNames()) samplers += (samplers.empty() ? "" : ", ") + std::string(name);
  command->add_option("--sampler", options->sampler, "One of " + samplers + "; default: the model's");
  command->add_option("--size", options->size, "WIDTHxHEIGHT in pixels; default: the model's");
  command->add_option("--guidance", options->guidance, "Guidance weight; 1 is off")->capture_default_str();
  CLI::Option* from =
      command->add_option("--style-from", options->styleFrom, "Measure the style on this picture (PNG, JPEG)");
  command->add_option("--style", options->style, "The style as numbers with commas between them (docs/texture_unet.md)")
      ->excludes(from);
  command->add_flag("--clamp", options->clamp, "Textures end at their edges instead of tiling");
  command->add_option("--count", options->count, "Textures per class")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  command->add_option("--out", options->out, "FILE.png, or a folder")->required();
  command->add_flag("--sheet", options->sheet, "One picture with all textures, a row per class");
  command->add_option("--tile", options->tile, "Repeat each texture, for example 2x2, to show its seams");
  command
      ->add_option(
          "--precision", options->precision,
          "fp32, fp16, int8 or mixed (int8 between the first step and the last); default: fp16 on a GPU that stores "
          "it, else fp32")
      ->check(CLI::IsMember({"fp32", "fp16", "int8", "mixed"}));
  command
      ->add_option("--lanes", options->lanes,
                   "Textures worked on at once (does not change them); default: what is fastest on the device")
      ->check(CLI::Range(1, 256));
  command->add_flag("--json", options->json, "Print JSON");
  command->callback([&globals, &run, options] { run = [&globals, options] { return generate(globals, *options); }; });
}

}  // namespace rivulet::cli
