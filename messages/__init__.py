"""From a text to the messages of a broadcast: template, segments, warnings, payloads. Pure."""
