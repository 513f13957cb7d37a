"""What so many predictions a day need and cost: the formula of docs/scale.md."""

from collections.abc import Callable, Iterator, Sequence
from math import ceil
from typing import NamedTuple

DAY = 86_400  # seconds
GB, TERA = 1e9, 1e3
PEAK = 4  # times the mean, at the busiest hour
BUSY = 0.5  # of a core at the peak: the other half is for a host that fails, and for latency
OUTAGE = 3_600  # seconds without the database at the peak, which the journal must hold

# Microseconds of a processor, from docs/performance.md and bench/README.md.
REQUEST = 115.0  # of one request, beside its rows
ROW = 4.3  # of a row, its record and the collector
DATABASE, DATABASE_BATCHES = 10.4, 11.8  # of PostgreSQL, for a row

# Bytes of a row of twelve fields.
JOURNALLED, STORED, ARCHIVED = 501, 566, 61

# Megabytes of one host: what it has once, and for each worker.
ONCE, WORKER = 76, 17
CORES = 8  # of a host


class Prices(NamedTuple):
    """US dollars a month, as large clouds list them without a contract; taxes and traffic apart."""

    core: float  # with 4 GB of memory
    disk: float  # a GB
    objects: float  # a GB


class Load(NamedTuple):
    """Predictions a day, how many rows a request has, and for how many days they are kept."""

    rows: float
    batch: int = 1
    stored: int = 30
    archived: int = 365


class Needs(NamedTuple):
    """What a load needs.

    Attributes
    ----------
    peak : float
        Rows a second in the busiest hour.
    cores : float
        Of the service, at the peak.
    memory : float
        Of the service, in GB.
    database : float
        Cores of PostgreSQL, on average: the journal holds what a peak has more.
    journal, store, archive : float
        GB on the hosts, of the database, and of the archive.
    """

    peak: float
    cores: float
    memory: float
    database: float
    journal: float
    store: float
    archive: float

    def price(self, prices: Prices) -> float:
        """Compute US dollars a month; a core is paid for as a whole, and the database's twice."""
        cores = max(1, ceil(self.cores)) + 2 * max(1, ceil(self.database))
        return (
            cores * prices.core
            + (self.journal + 2 * self.store) * prices.disk
            + self.archive * prices.objects
        )


def needs(load: Load) -> Needs:
    """Compute what a load needs."""
    mean = load.rows / DAY
    peak = mean * PEAK
    cores = peak * (REQUEST / load.batch + ROW) / 1e6 / BUSY
    database = DATABASE if load.batch == 1 else DATABASE_BATCHES
    return Needs(
        peak=peak,
        cores=cores,
        memory=(ceil(cores / CORES) * ONCE + max(2, ceil(cores)) * WORKER) / 1e3,
        database=mean * database / 1e6 / BUSY,
        journal=peak * OUTAGE * JOURNALLED / GB,
        store=load.rows * load.stored * STORED / GB,
        archive=load.rows * load.archived * ARCHIVED / GB,
    )


def table(loads: Sequence[Load], prices: Prices) -> Iterator[str]:
    """Yield the lines of a table in Markdown with a column for each load."""
    columns = [(load, needs(load)) for load in loads]

    def line(title: str, show: Callable[[Load, Needs], str]) -> str:
        return f"| {title} | " + " | ".join(show(*column) for column in columns) + " |"

    yield line("", lambda load, _: f"{load.rows:,.0f} a day, {load.batch:,} a request")
    yield "|---" + "|---:" * len(columns) + "|"
    yield line("rows a second at the peak", lambda _, need: f"{need.peak:,.0f}")
    yield line("cores of the service", lambda _, need: _two(need.cores))
    yield line("memory of the service", lambda _, need: _size(need.memory))
    yield line("cores of PostgreSQL", lambda _, need: _two(need.database))
    yield line("journal, if the database is away for an hour", lambda _, need: _size(need.journal))
    yield line("store", lambda load, need: f"{_size(need.store)} for {load.stored} days")
    yield line("archive", lambda load, need: f"{_size(need.archive)} for {load.archived} days")
    yield line("US dollars a month", lambda _, need: _two(need.price(prices)))


def _size(gigabytes: float) -> str:
    return f"{_two(gigabytes)} GB" if gigabytes < TERA else f"{_two(gigabytes / TERA)} TB"


def _two(number: float) -> str:
    """Show two digits."""
    return f"{float(f'{number:.2g}'):,g}"
