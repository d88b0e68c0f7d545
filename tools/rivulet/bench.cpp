// rivulet bench conv, model, op, generate.

#include "bench_conv.h"
#include "bench_generate.h"
#include "bench_model.h"
#include "bench_op.h"
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

  const auto addNetwork = [](CLI::App* to, BenchNetworkOptions& network) {
    to->add_option("--model", network.model, "A weight file, a model folder, or the name of an installed model")
        ->required();
    to->add_option("--size", network.size, "WIDTHxHEIGHT; default: the model's own");
    to->add_option("--batch", network.batch, "Textures at once")->check(CLI::Range(1, 1024))->capture_default_str();
  };
  const auto addCommon = [](CLI::App* to, std::string& precision, std::uint32_t& repeats) {
    to->add_option("--precision", precision, "fp32, fp16, int8 or (generate) mixed; default: the device's better one")
        ->check(CLI::IsMember({"fp32", "fp16", "int8", "mixed"}));
    to->add_option("--repeats", repeats, "Measurements; the median counts")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
  };

  CLI::App* model = command->add_subcommand("model", "One evaluation of a network, op by op");
  auto modelOptions = std::make_shared<BenchModelOptions>();
  addNetwork(model, modelOptions->network);
  addCommon(model, modelOptions->network.precision, modelOptions->repeats);
  model->add_flag("--json", modelOptions->json, "Print JSON: one row as of bench conv, with times per op");
  model->callback([&globals, &run, modelOptions] {
    run = [&globals, modelOptions] { return runBenchModel(globals, *modelOptions); };
  });

  CLI::App* op = command->add_subcommand("op", "Each op of a network by itself, against what bounds it");
  auto opOptions = std::make_shared<BenchOpOptions>();
  addNetwork(op, opOptions->network);
  addCommon(op, opOptions->network.precision, opOptions->repeats);
  op->add_option("--filter", opOptions->filter, "Only ops whose name has this in it");
  op->add_flag("--json", opOptions->json,
               "Print JSON: ceilings, and rows of op, count, ms, gflops, gigabytes, roofline");
  op->callback(
      [&globals, &run, opOptions] { run = [&globals, opOptions] { return runBenchOp(globals, *opOptions); }; });

  CLI::App* generate = command->add_subcommand("generate", "Whole textures, over sizes, steps and batches");
  auto generateOptions = std::make_shared<BenchGenerateOptions>();
  generate->add_option("--model", generateOptions->model, "A weight file, a model folder, or an installed model's name")
      ->required();
  generate->add_option("--size", generateOptions->sizes, "WIDTHxHEIGHT, several with commas")
      ->delimiter(',')
      ->capture_default_str();
  generate->add_option("--steps", generateOptions->steps, "Numbers of steps")
      ->delimiter(',')
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  generate->add_option("--batch", generateOptions->batches, "Textures at once")
      ->delimiter(',')
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  addCommon(generate, generateOptions->precision, generateOptions->repeats);
  generate->add_flag("--json", generateOptions->json, "Print JSON");
  generate->callback([&globals, &run, generateOptions] {
    run = [&globals, generateOptions] { return runBenchGenerate(globals, *generateOptions); };
  });
}

}  // namespace rivulet::cli
