"""Losses, stages and training runs: of the built-in model, and of LongVU."""

from ntlbg import plugins
from ntlbg.errors import ConfigError


def run(config_path, output_dir=None, *, stage=None, seed=None, **options):
    """The run that the configuration's ``model_type`` asks for; without the key, the built-in's.

    The laboratory adds the built-in model's, see :mod:`ntlbg.plugins`; the other one is
    :func:`ntlbg.train.longvu.run`. Both are imported late: they need the ``train`` extra.

    Raises:
        MissingPackage: the laboratory is not installed.
        ConfigError: an unknown type, or an option that the type does not have.
    """
    from ntlbg.train.longvu_settings import model_type

    kind = model_type(config_path)
    if kind is None:
        train = plugins.load(plugins.RECIPES, "builtin", "training the built-in model")
        return train(config_path, output_dir, stage=stage, seed=seed, **options)
    if kind != "longvu":
        raise ConfigError(
            f'{config_path}: model_type: got {kind!r}; give "longvu", or leave the key out for '
            "the built-in model"
        )
    if stage is not None:
        raise ConfigError(f"--stage {stage}: {config_path} is one stage; leave the option out")
    if seed is not None:
        raise ConfigError(f"--seed {seed}: only for the built-in model; leave the option out")
    from ntlbg.train.longvu import run as train_longvu

    return train_longvu(config_path, output_dir, **options)
