// rivulet bench conv, rivulet bench model.

#include "bench_conv.h"
#include "bench_model.h"
#include "cli.h"

namespace rivulet::cli {

void addBench(CLI::App& app, const Globals& globals, Run& run) {
  CLI::App* command = app.add_subcommand("bench", "Measure kernels and networks against the device's ceiling");
  command->require_subcommand(1);

  CLI::App* conv = command->add_subcommand("conv", "Convolutions of typical shapes, in GFLOP/s");
  auto convOptions = std::make_shared<BenchConvOptions>();
  convOptions->repeats = 9;
  convOptions->precision = "fp32";
  conv->add_option("--precision", convOptions->precision, "fp32 or fp16")
      ->check(CLI::IsMember({"fp32", "fp16"}))
      ->capture_default_str();
  conv->add_option("--repeats", convOptions->repeats, "Measurements; the median counts")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  conv->add_flag("--json", convOptions->json, "Print JSON: rows of name, gflops, ceiling_gflops, ratio, ms");
  conv->callback([&globals, &run, convOptions] {
    run = [&globals, convOptions] {
      convOptions->device = globals.device;
      return runBenchConv(*convOptions);
    };
  });

  CLI::App* model = command->add_subcommand("model", "One evaluation of a network, op by op");
  auto modelOptions = std::make_shared<BenchModelOptions>();
  model->add_option("--model", modelOptions->model, "A weight file, a model folder, or the name of an installed model")
      ->required();
  model->add_option("--size", modelOptions->size, "WIDTHxHEIGHT; default: the model's own");
  model->add_option("--batch", modelOptions->batch, "Textures at once")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  model->add_option("--precision", modelOptions->precision, "fp32 or fp16; default: the device's better one")
      ->check(CLI::IsMember({"fp32", "fp16"}));
  model->add_option("--repeats", modelOptions->repeats, "Measurements; the median counts")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  model->add_flag("--json", modelOptions->json, "Print JSON: one row as of bench conv, with times per op");
  model->callback([&globals, &run, modelOptions] {
    run = [&globals, modelOptions] { return runBenchModel(globals, *modelOptions); };
  });
}

}  // namespace rivulet::cli
