"""Profiles that only try whether everything works: their networks hardly train."""

from __future__ import annotations

from medtransfer.data.manifests import named
from medtransfer.data.schema import FileManifest
from medtransfer.study.profiles import built_in
from medtransfer.study.recipe import Recipe
from medtransfer.study.schema import Profile

FEW = 50
"""With fewer steps of training no network of the study tells one class from the other."""


def only_tries(profile: Profile) -> str:
    """Return in sentences that a profile trains too briefly for any answer; "" if it does not."""
    if profile.networks == "imported":
        return ""
    steps = max(_steps(recipe, profile) for recipe in profile.recipes.values())
    if steps >= FEW:
        return ""
    return (
        f"The networks of profile {profile.name} are trained for about {steps} steps and learn "
        f"next to nothing: this run only shows that everything works. {_answers(profile)}"
    )


def _steps(recipe: Recipe, profile: Profile) -> int:
    """Return about how many steps a recipe takes; of few images, few epochs are fewer."""
    limit = profile.image_limit
    if limit is None or not all(_of_files(source) for source in profile.sources.values()):
        return recipe.steps
    return min(recipe.steps, recipe.most_epochs * -(-limit // profile.batch_size))


def _of_files(source: str) -> bool:
    return isinstance(named(source)[1], FileManifest)


def _answers(profile: Profile) -> str:
    if profile.name in built_in():
        return "For answers: `medtransfer reproduce` (profile default)."
    if profile.image_limit:
        return "For answers, leave out `--limit`, or raise `image_limit` and `most_epochs`."
    return (
        "For answers, let the profile extend `default`, or raise the `steps` of its recipes to "
        "hundreds."
    )
