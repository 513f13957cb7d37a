"""Which types and functions of a foreign file are known to run no code of its author.

The list is ours and skops', never one in the file itself. What a pickle can do is call what it
loads, with any arguments, and set any state. So a whole package is not harmless because its author
is: `numpy.testing` has functions that run text as code, and a distribution of `scipy.stats`
executes a text of its own state. A known type may still be given wrong numbers, which crash a
prediction or spoil it.
"""

import sys
from collections.abc import Iterator
from functools import cache

import numpy as np

BUILTINS = {
    "builtins": "bool bytearray bytes complex dict float frozenset int list object range set slice "
    "str tuple",
    "collections": "OrderedDict defaultdict deque",
    "copyreg": "_reconstructor __newobj__ __newobj_ex__",
    "datetime": "date datetime time timedelta timezone",
    "functools": "partial",  # of functions that are loaded, and so looked at, as well
    "_codecs": "encode",  # of bytes, before protocol 3
}
LIBRARIES = {
    "joblib.numpy_pickle": "NumpyArrayWrapper",
    "numpy": "dtype ndarray mean median",
    "numpy._core.multiarray": "_reconstruct scalar",
    "numpy._core.numeric": "_frombuffer",
    "numpy.ma": "MaskedArray",
    "numpy.ma.core": "MaskedArray _mareconstruct",
    "numpy.random": "Generator RandomState",
    "numpy.random._generator": "Generator",
    "numpy.random.mtrand": "RandomState",
    "numpy.random._mt19937": "MT19937",
    "numpy.random._pcg64": "PCG64 PCG64DXSM",
    "numpy.random._philox": "Philox",
    "numpy.random._sfc64": "SFC64",
    "numpy.random._pickle": "__bit_generator_ctor __generator_ctor __randomstate_ctor",
    "numpy.random.bit_generator": "SeedSequence __pyx_unpickle_SeedSequence",
    "scipy._lib.array_api_compat.numpy._aliases": "asarray",
    "scipy.interpolate._bsplines": "BSpline",
    "scipy.sparse._coo": "coo_array coo_matrix",
    "scipy.sparse._csc": "csc_array csc_matrix",
    "scipy.sparse._csr": "csr_array csr_matrix",
    "pandas": "Categorical CategoricalDtype DataFrame DatetimeIndex Index MultiIndex RangeIndex "
    "Series StringDtype Timestamp",
    "pandas._libs.arrays": "__pyx_unpickle_NDArrayBacked",
    "pandas._libs.internals": "_unpickle_block",
    "pandas.arrays": "DatetimeArray StringArray",
    "pandas.core.indexes.base": "Index _new_Index",
    "pandas.core.internals.managers": "BlockManager SingleBlockManager",
    "lightgbm.basic": "Booster",
    "lightgbm.sklearn": "LGBMClassifier LGBMModel LGBMRanker LGBMRegressor",
    "xgboost.core": "Booster",
    "xgboost.sklearn": "XGBClassifier XGBModel XGBRFClassifier XGBRFRegressor XGBRanker "
    "XGBRegressor",
    "sklearn.cluster._kmeans": "_kmeans_single_elkan _kmeans_single_lloyd",
    "sklearn.utils._bunch": "Bunch",
    "sklearn.utils._metadata_requests": "MetadataRequest MethodMetadataRequest",
    "sklearn.utils.validation": "check_array",
}
# Parts of scikit-learn whose types are not those of fitted estimators: they read and write files.
OTHER_PARTS = ("conftest", "datasets", "experimental", "externals", "tests", "utils")
FUNCTIONS = ("sklearn.metrics.", "sklearn.feature_selection.")  # scores
MAKERS = ("__pyx_unpickle_", "newObj")  # by which types in C are unpickled


def is_known(name: str) -> bool:
    """Whether a type or function, by module and name, runs no code of a file's author."""
    return name.replace("numpy.core.", "numpy._core.") in _known()


@cache
def _known() -> frozenset[str]:
    from skops.io import _trusted_types as types  # noqa: PLC0415 # it imports all of scikit-learn

    listed = {
        f"{module}.{name}"
        for module, names in (BUILTINS | LIBRARIES).items()
        for name in names.split()
    }
    ufuncs = {f"numpy.{name}" for name, value in vars(np).items() if isinstance(value, np.ufunc)}
    return frozenset(
        {
            *listed,
            *ufuncs,
            *_of_sklearn(),
            *types.SKLEARN_ESTIMATOR_TYPE_NAMES,
            *types.SKLEARN_INTERNAL_TYPE_NAMES,
            *types.SCIPY_UFUNC_TYPE_NAMES,
            *types.NUMPY_UFUNC_TYPE_NAMES,
            *types.NUMPY_DTYPE_TYPE_NAMES,
        }
    )


def _of_sklearn() -> Iterator[str]:
    """What fitted estimators hold: all types of scikit-learn's modules, and its scores."""
    for module, content in [*sys.modules.items()]:
        if not module.startswith("sklearn.") or {*module.split(".")} & {*OTHER_PARTS}:
            continue
        for name, value in vars(content).items():
            is_own = getattr(value, "__module__", None) == module
            is_score = module.startswith(FUNCTIONS) and callable(value)
            if name.startswith(MAKERS) or (is_own and (isinstance(value, type) or is_score)):
                yield f"{module}.{name}"
