"""Prints a RenderDoc capture as a tree: a line for each label and each command, with the device's time in microseconds.

    renderdoc_tree.py FRAME.rdc

A label's time is the sum of what is in it. Needs RenderDoc's Python module, of the Python it was built for.
"""

import sys

import renderdoc


def check(result, what):
    """Results are a code in old versions, and an object with one in newer ones."""
    code = getattr(result, "code", result)
    succeeded = {getattr(getattr(renderdoc, kind), "Succeeded") for kind in ("ResultCode", "ReplayStatus")
                 if hasattr(renderdoc, kind)}
    if code not in succeeded:
        sys.exit(f"renderdoc_tree: {what}: {result}")


def durations(controller):
    """Seconds of each command, by its number."""
    counter = renderdoc.GPUCounter.EventGPUDuration
    if counter not in controller.EnumerateCounters():
        sys.exit("renderdoc_tree: this device measures no durations")
    return {result.eventId: result.value.d for result in controller.FetchCounters([counter])}


def print_tree(action, names, seconds, depth=0):
    def total(one):
        return max(seconds.get(one.eventId, 0.0), 0.0) + sum(total(child) for child in one.children)

    print(f"{action.eventId:6d} {1e6 * total(action):12.1f} us  {'  ' * depth}{action.GetName(names)}")
    for child in action.children:
        if child.GetName(names) != "vkCmdEndDebugUtilsLabelEXT()":  # the indentation says it
            print_tree(child, names, seconds, depth + 1)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    renderdoc.InitialiseReplay(renderdoc.GlobalEnvironment(), [])
    capture = renderdoc.OpenCaptureFile()
    check(capture.OpenFile(sys.argv[1], "", None), "opening " + sys.argv[1])
    status, controller = capture.OpenCapture(renderdoc.ReplayOptions(), None)
    check(status, "replaying " + sys.argv[1])
    names = controller.GetStructuredFile()
    seconds = durations(controller)
    for action in controller.GetRootActions():
        print_tree(action, names, seconds)
    controller.Shutdown()
    capture.Shutdown()
    renderdoc.ShutdownReplay()


main()
