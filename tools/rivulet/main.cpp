// The rivulet program: textures, checks and measurements from the command line. Every subcommand has its own file.

#include <cstdio>
#include <exception>
#include <new>

#include "cli.h"
#include "core/error.h"

namespace {

using namespace rivulet;

int statusOf(ErrorCode code) {
  switch (code) {
    case ErrorCode::OutOfHostMemory:
    case ErrorCode::OutOfDeviceMemory:
    case ErrorCode::DeviceLost:
    case ErrorCode::Internal:
      return cli::kFailed;
    default:
      return cli::kBadInput;
  }
}

int report(int status, const char* message) {
  std::fflush(stdout);
  std::fprintf(stderr, "rivulet: error: %s\n", message);
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Rivulet: textures from small networks on Vulkan compute"};
  app.name("rivulet");
  app.set_version_flag("--version", "rivulet " RIVULET_VERSION);
  app.require_subcommand(1);
  app.fallthrough();  // --device may stand before or behind the subcommand
  app.footer(
      "Exit status: 0 success, 1 a check failed or the device did, 2 bad usage or bad input.\n"
      "Environment: RIVULET_MODELS, folders to look for models in; RIVULET_CACHE_DIR, where pipelines are cached;\n"
      "RIVULET_AUTOTUNE=0, take the usual kernels and lanes instead of those that were fastest.\n"
      "`rivulet COMMAND --help` describes a command.");
  cli::Globals globals;
  app.add_option("--device", globals.device, "Device: its number in `rivulet devices`, or part of its name")
      ->type_name("D");
  app.add_flag("--validation", globals.validation,
               "Run with the Khronos validation layer; any message makes the status 1");
  app.add_option("--disable", globals.disable,
                 "Capabilities not to use, as `rivulet devices` names them (tests fallbacks)")
      ->type_name("CAPABILITY")
      ->delimiter(',')
      ->allow_extra_args(false);

  cli::Run run;
  try {
    cli::addGenerate(app, globals, run);
    cli::addVerify(app, globals, run);
    cli::addInspect(app, globals, run);
    cli::addQuantize(app, globals, run);
    cli::addBench(app, globals, run);
    cli::addDevices(app, globals, run);
    app.parse(argc, argv);
    const int status = run();
    if (const std::size_t messages = cli::validationMessages(); messages > 0 && status == cli::kOk) {
      return report(cli::kFailed, (std::to_string(messages) + " validation messages, see above").c_str());
    }
    return status;
  } catch (const CLI::Success& success) {  // --help, --version
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    std::string message = error.what();
    if (const std::vector<std::string> unknown = app.remaining(); !unknown.empty() && app.get_subcommands().empty()) {
      message = "there is no command '" + unknown.front() + "'";
    }
    report(cli::kBadInput, message.c_str());
    std::fprintf(stderr, "Run `rivulet --help` or `rivulet COMMAND --help`.\n");
    return cli::kBadInput;
  } catch (const Error& error) {
    return report(statusOf(error.code()), error.what());
  } catch (const std::bad_alloc&) {
    return report(cli::kFailed, "out of host memory");
  } catch (const std::exception& error) {
    return report(cli::kFailed, error.what());
  }
}
