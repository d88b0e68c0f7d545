// rivulet-train evaluate: how good a model's textures are, for each sampler and number of steps.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <fstream>

#include "training/error.h"
#include "training/evaluation/commands.h"
#include "training/evaluation/progress_line.h"
#include "training/evaluation/report.h"
#include "training/evaluation/sampler_list.h"
#include "training/evaluation/texture_source.h"
#include "training/safetensors.h"

namespace rivulet::training {
namespace {

namespace fs = std::filesystem;

struct EvaluateOptions {
  ImageSetOptions images;
  EvaluationOptions evaluation;
  TextureSourceOptions source;
  fs::path model, classifier = "models/classifiers/materials.safetensors";
  std::string samplers = "1,2,4,8,50", json, markdown;
  std::vector<int> sizes;
  double guidance = 1;
  int threads = 0;
};

// What a weight file says of itself; an imported folder says nothing here.
struct ModelNotes {
  at::Tensor styleDeviation;  // undefined: it takes no style
  nlohmann::ordered_json training;
};

ModelNotes readNotes(const fs::path& model, bool takesStyle) {
  ModelNotes notes;
  if (fs::is_directory(model)) return notes;
  const Safetensors file = readSafetensors(model);
  if (takesStyle) notes.styleDeviation = file.at("style_norm.std").to(at::kFloat);
  if (file.metadata.count("training") != 0) {
    notes.training = nlohmann::ordered_json::parse(file.note("training"), nullptr, false);
  }
  return notes;
}

// A classifier that has seen the reference images would call them better than they are.
void checkClassifier(const Classifier& classifier, const ImageSet& images, const EvaluateOptions& options) {
  const std::string file = options.classifier.string();
  if (classifier.config().channels != images.channels) {
    throw Error(file + " is for pictures of " + std::to_string(classifier.config().channels) + " channels, " +
                options.images.root.string() + " has " + std::to_string(images.channels) +
                ": train one on these data with rivulet-train classifier");
  }
  const auto names = classifier.training().find("held_out");
  if (names == classifier.training().end()) return;
  for (const LabelledImage& image : images.heldOut) {
    if (std::find(names->begin(), names->end(), image.name) == names->end()) {
      throw Error(file + " was not trained with " + image.name +
                  " held out: use the --data, --holdout and --heldout it was trained with, or train another");
    }
  }
}

std::vector<std::string> warningsOf(const ModelNotes& notes, const ImageSet& images) {
  std::vector<std::string> warnings;
  if (!notes.training.is_object()) return warnings;
  const auto held = notes.training.find("held_out_images"), seen = notes.training.find("images");
  if (held != notes.training.end() && seen != notes.training.end() &&
      (*held != images.heldOut.size() || *seen != images.training.size())) {
    warnings.push_back("the model was trained on " + seen->dump() + " images with " + held->dump() +
                       " held out; measured here with " + std::to_string(images.training.size()) + " and " +
                       std::to_string(images.heldOut.size()) + ": some of the reference may have been trained on");
  }
  return warnings;
}

// The model's class for each class of the images; -1 where the model knows no classes.
std::vector<int> matchClasses(const std::vector<std::string>& model, const ImageSet& images) {
  std::vector<int> result;
  for (const std::string& name : images.classes) {
    const auto found = std::find(model.begin(), model.end(), name);
    result.push_back(model.empty() || found == model.end() ? -1 : static_cast<int>(found - model.begin()));
  }
  if (model.empty()) return result;
  for (const LabelledImage& image : images.heldOut) {
    const auto k = static_cast<std::size_t>(image.classIndex);
    if (result[k] < 0) {
      throw Error("the model has no class " + images.classes[k] + ", which " + image.name +
                  " of the held-out images is of: leave that folder out of --data");
    }
  }
  return result;
}

std::vector<TexturePrompt> promptsFor(const Evaluation& evaluation, const std::vector<int>& classes, int count,
                                      std::uint64_t seed) {
  std::vector<TexturePrompt> prompts;
  for (int i = 0; i < count; ++i) {
    const std::size_t p = static_cast<std::size_t>(i) % evaluation.prompts().size();
    TexturePrompt prompt;
    prompt.classIndex = classes[static_cast<std::size_t>(evaluation.prompts()[p]->classIndex)];
    prompt.seed = seed + static_cast<std::uint64_t>(i);  // the same in every row: rows differ in the sampler alone
    if (evaluation.promptStyles().defined()) {
      const at::Tensor style = evaluation.promptStyles()[static_cast<int64_t>(p)].contiguous();
      prompt.style.assign(style.data_ptr<float>(), style.data_ptr<float>() + style.numel());
    }
    prompts.push_back(std::move(prompt));
  }
  return prompts;
}

void write(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) throw Error("cannot write " + path);
}

nlohmann::ordered_json about(const EvaluateOptions& options, const TextureSource& source, const ImageSet& images,
                             const Classifier& classifier, const Evaluation& evaluation, const ModelNotes& notes,
                             const std::vector<std::string>& warnings) {
  const auto name = [](const fs::path& path) {  // without folders: a report is read elsewhere
    return (path.has_filename() ? path : path.parent_path()).filename().string();
  };
  nlohmann::ordered_json json = {
      {"format", "rivulet-quality-1"},
      {"date", today()},
      {"model", {{"name", source.modelName()}, {"parameters", source.parameters()}, {"training", notes.training}}},
      {"device", source.deviceName()},
      {"precision", source.precision()},
      {"lanes", options.source.lanes},
      {"data",
       {{"name", name(options.images.root)},
        {"training_images", images.training.size()},
        {"held_out_images", images.heldOut.size()},
        {"held_out_rule", images.heldOutRule},
        {"images_asked_for", evaluation.prompts().size()}}},
      {"classifier", {{"name", name(options.classifier)}, {"training", classifier.training()}}},
      {"count", options.evaluation.count},
      {"resamples", options.evaluation.resamples},
      {"confidence", 0.95},
      {"seed", options.evaluation.seed},
      {"warnings", warnings}};
  json["classifier"]["training"].erase("held_out");
  return json;
}

// The sizes asked for, or the model's own.
std::vector<int> sizesOf(const EvaluateOptions& options, const TextureSource& source, const Classifier& classifier) {
  std::vector<int> sizes = options.sizes.empty() ? std::vector<int>{source.nativeSize()} : options.sizes;
  for (const int size : sizes) {
    if (size < classifier.config().size) {
      throw Error("--size " + std::to_string(size) + " is smaller than the " +
                  std::to_string(classifier.config().size) + " pixels that the classifier " +
                  options.classifier.string() + " takes");
    }
  }
  return sizes;
}

void evaluate(EvaluateOptions& options) {
  if (!options.json.empty()) checkFolderOf("--json", options.json);
  if (!options.markdown.empty()) checkFolderOf("--markdown", options.markdown);
  if (!fs::exists(options.classifier)) {
    throw Error("no classifier " + options.classifier.string() +
                ": name one with --classifier, or train it with rivulet-train classifier");
  }
  if (options.threads > 0) at::set_num_threads(options.threads);
  at::globalContext().setFlushDenormal(true);
  const Classifier classifier = Classifier::load(options.classifier);
  const TextureSource source(options.model, options.source);
  const std::vector<SamplerSteps> samplers = parseSamplers(options.samplers, source.sampler());
  const std::vector<int> sizes = sizesOf(options, source, classifier);
  const ModelNotes notes = readNotes(options.model, source.takesStyle());

  options.images.size = static_cast<int>(classifier.config().size);
  const ImageSet images = readImageSet(options.images);
  if (source.channels() != images.channels) {
    throw Error("the model makes pictures of " + std::to_string(source.channels()) + " channels, " +
                options.images.root.string() + " has " + std::to_string(images.channels));
  }
  checkClassifier(classifier, images, options);
  const std::vector<int> classes = matchClasses(source.classes(), images);
  const std::vector<std::string> warnings = warningsOf(notes, images);
  for (const std::string& warning : warnings) std::fprintf(stderr, "rivulet-train: warning: %s\n", warning.c_str());

  ProgressLine progress;
  std::string row;
  const auto tell = [&](const std::string& what, int64_t done, int64_t total) {
    progress.update(row + what, done, total);
  };
  const Evaluation evaluation(images, classifier, notes.styleDeviation, options.evaluation, tell);
  const auto recipeOf = [&](const SamplerSteps& s, int size) {
    return TextureRecipe{s.sampler, s.steps, size, options.guidance};
  };
  for (const int size : sizes) {  // before hours are spent on the others
    for (const SamplerSteps& s : samplers) {
      source.check(recipeOf(s, size), promptsFor(evaluation, classes, 1, options.evaluation.seed)[0]);
    }
  }

  std::vector<ReportRow> rows;
  const auto addReal = [&](const char* name, const PictureSet& set) {
    tell(std::string("measuring ") + name, 0, 1);
    rows.push_back({.name = name, .size = options.images.size, .measurement = evaluation.measure(set)});
  };
  addReal("held-out images again", evaluation.heldOutAgain());
  addReal("training images", evaluation.training());
  const std::size_t total = sizes.size() * samplers.size();
  for (const int size : sizes) {
    for (const SamplerSteps& s : samplers) {
      row = "row " + std::to_string(rows.size() - 1) + " of " + std::to_string(total) + ": ";
      const TextureBatch batch =
          source.make(promptsFor(evaluation, classes, evaluation.texturesOf(size), options.evaluation.seed),
                      recipeOf(s, size), tell);
      tell("measuring", 0, 1);
      rows.push_back({s.sampler, s.steps, batch.evaluations, size, options.guidance, batch.millisecondsPerTexture,
                      batch.notFinite, evaluation.measure(evaluation.generated(batch.images))});
    }
  }
  progress.clear();
  std::printf("%s on %s (%s), %d crops on either side, %zu held-out images\n", source.modelName().c_str(),
              source.deviceName().c_str(), source.precision().c_str(), options.evaluation.count,
              evaluation.prompts().size());
  std::fputs(tableText(rows).c_str(), stdout);
  if (!options.json.empty()) {
    const auto json =
        reportJson(about(options, source, images, classifier, evaluation, notes, warnings), images.classes, rows);
    write(options.json, json.dump(1) + "\n");
  }
  if (!options.markdown.empty()) write(options.markdown, markdownText(source.modelName(), rows));
}

}  // namespace

void addEvaluate(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand(
      "evaluate",
      "Textures of the Vulkan runtime against held-out images: kernel, Frechet and sliced Wasserstein "
      "distances, seams, styles, memorisation, time");
  auto options = std::make_shared<EvaluateOptions>();
  command->add_option("--model", options->model, "Weight file, or a diffusers folder")
      ->required()
      ->check(CLI::ExistingPath);
  addImageSetOptions(*command, options->images);
  command->add_option("--classifier", options->classifier, "The classifier to measure in (rivulet-train classifier)")
      ->capture_default_str();
  command
      ->add_option("--samplers", options->samplers,
                   "Samplers and their steps, \"flow_euler:1,2,4;flow_heun:8\"; without a name the model's own sampler")
      ->capture_default_str();
  command->add_option("--size", options->sizes, "Pixels a side, comma-separated; default: the model's")
      ->delimiter(',')
      ->check(CLI::Range(8, 4096));
  command->add_option("--guidance", options->guidance, "Guidance weight; 1 is off")->capture_default_str();
  command->add_option("--count", options->evaluation.count, "Crops on either side of each comparison")
      ->capture_default_str()
      ->check(CLI::Range(2, 100000));
  command->add_option("--resamples", options->evaluation.resamples, "Draws for the confidence intervals")
      ->capture_default_str()
      ->check(CLI::Range(2, 100000));
  command->add_option("--seed", options->evaluation.seed, "Seed of the first texture and of everything random")
      ->capture_default_str();
  command->add_option("--device", options->source.device, "Vulkan device: its index or part of its name");
  command
      ->add_option("--precision", options->source.precision, "fp32, fp16, int8 or mixed; default: the device's usual")
      ->check(CLI::IsMember({"fp32", "fp16", "int8", "mixed"}));
  command->add_option("--lanes", options->source.lanes, "Textures worked on at once")
      ->capture_default_str()
      ->check(CLI::Range(1, 256));
  command->add_option("--threads", options->threads, "CPU threads for measuring; 0: libtorch's choice")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  command->add_option("--json", options->json, "Write everything, per class too, to this file");
  command->add_option("--markdown", options->markdown, "Write the table's rows as Markdown to this file");
  command->callback([&run, options] { run = [options] { evaluate(*options); }; });
}

}  // namespace rivulet::training
