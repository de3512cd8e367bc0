"""How flags are read: as settings are, where absl reads them in another way."""

from absl import flags

from gan_mnist.errors import parse_number
from gan_mnist.study.assignments import parts_of_list


class NamesParser(flags.ArgumentParser):
    """Names as `--set` takes them: absl's own parser drops the blanks within quotes, too."""

    syntactic_help = "names with commas between them; those that have commas in quotes"

    def parse(self, argument: str | list[str]) -> list[str]:
        """The names in a text; a list as it is."""
        return parts_of_list(argument) if isinstance(argument, str) else argument


class IntegerParser(flags.IntegerParser):
    """Takes digits alone; absl's takes 0x2 as well."""

    def convert(self, argument: int | str) -> int:
        """The integer in a text."""
        return parse_number(int, argument) if isinstance(argument, str) else argument
