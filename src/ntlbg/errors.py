"""Everything a user can cause. The command line prints one line and exits 2.

NtlbgError
├── VideoError
│   ├── VideoNotFound          missing, a directory, or not readable
│   ├── VideoOpenError         not a video container, empty, cut off, or not a regular file
│   ├── NoVideoStreamError     a container without a (real) video stream
│   ├── NoSoundError           a container without sound
│   ├── NoFramesError          a video stream without a single picture
│   ├── VideoDamagedError      a picture could not be decoded and damage was not allowed
│   ├── VideoTooLargeError     pictures above the pixel limit
│   ├── VideoChanged           the file changed while it was read
│   └── UnsupportedCodecError  no decoder for the stream
├── SelectionError
│   ├── UnknownSelector        a name that is not in SELECTORS
│   ├── QueryRequired          a selector needs a query or scores and got none
│   ├── InvalidFeatures        wrong shape, NaN or infinity
│   └── InvalidBudget          fewer than one frame asked for
├── ConfigError                a configuration file or option that cannot be used
├── DataError                  a question file that cannot be read
├── QuestionError              an empty question, or unusable options
├── ComparisonError            results that do not allow the comparison asked for
├── WeightsError               model parts that are missing, damaged or cannot be fetched
├── BudgetError            frames that do not fit the tokens asked for, or more tokens were used
├── LinkError              an address whose film cannot be fetched, or is not to be
├── EndpointError          a server that cannot be reached, refuses, or sends what is no answer
├── MissingPackage         a package that is not installed, and what is asked for needs
├── NotReadyError              data, memory or weights that training needs are not on this machine
└── OutputError                a result that cannot be written where it was asked for

Each message says what was given, what is accepted, and what to do.
"""


class NtlbgError(Exception):
    """Base of every error a user can cause."""


class VideoError(NtlbgError):
    """A video file cannot be used."""


class VideoNotFound(VideoError):
    """The path is missing, a directory, or not readable."""


class VideoOpenError(VideoError):
    """The file is not a video that can be opened."""


class NoVideoStreamError(VideoError):
    """The container holds no video stream."""


class NoSoundError(VideoError):
    """The container holds no sound."""


class NoFramesError(VideoError):
    """The video stream holds no picture."""


class VideoDamagedError(VideoError):
    """A picture could not be decoded."""


class VideoTooLargeError(VideoError):
    """The pictures exceed the pixel limit."""


class VideoChanged(VideoError):
    """The file changed while it was read."""


class UnsupportedCodecError(VideoError):
    """There is no decoder for this stream."""


class SelectionError(NtlbgError):
    """Frames cannot be selected as asked."""


class UnknownSelector(SelectionError):
    """The selector's name is not in SELECTORS."""


class QueryRequired(SelectionError):
    """This selector needs a query vector or relevance scores."""


class InvalidFeatures(SelectionError):
    """The features have a wrong shape or are not finite."""


class InvalidBudget(SelectionError):
    """The number of frames is below one."""


class ConfigError(NtlbgError):
    """A configuration cannot be used."""


class DataError(NtlbgError):
    """A data file cannot be read."""


class QuestionError(NtlbgError):
    """The question or its options cannot be used."""


class ComparisonError(NtlbgError):
    """Results do not allow the comparison that was asked for."""


class WeightsError(NtlbgError):
    """Model parts are missing, damaged, or cannot be fetched."""


class BudgetError(NtlbgError):
    """Frames do not fit into the tokens that were asked for, or more were used than planned."""


class LinkError(NtlbgError):
    """The film of an address cannot be fetched, or is not to be."""


class EndpointError(NtlbgError):
    """A server does not answer, or what it sends is no answer."""


class MissingPackage(NtlbgError):
    """What is asked for needs a package that is not installed."""


class NotReadyError(NtlbgError):
    """What training needs is not on this machine."""


class OutputError(NtlbgError):
    """A result cannot be written."""
