"""Patches for faults of RecBole itself."""

from recbole_ext.patches import conditions
from recbole_ext.patches.patch import Edit, Patch

_OURS = "recbole_ext.patches.functions.bugs"
_DATASET = "recbole.data.dataset.dataset"
_READING = "recbole_ext.patches.functions.exact_reading"
_TUNE_REPORT = "recbole_ext.trainer.tune_report"
_TIME = "recbole_ext.patches.functions.exact_time"
_CPU_WHY = "Several processes (--nproc) need CUDA: RecBole asks for nccl and for CUDA devices."

PATCHES = (
    Patch(
        name="literal-settings",
        target="recbole.config.configurator:Config._convert_config_dict",
        kind="replace",
        group="bugs",
        why="RecBole executes a setting of the command line as Python: exit() ends the run, "
        "9**9**9 hangs, and the interval 3,5 filters by (3, 5), users with 4 interactions.",
        function="recbole_ext.patches.functions.names:convert_config_dict",
        sources={"1.2.1": "881580f965aa"},
    ),
    Patch(
        name="carried-data-set",
        target="recbole.config.configurator:Config._set_default_parameters",
        kind="wrap",
        group="bugs",
        why="RecBole reads its own ml-100k even if data_path has one, which commands describe.",
        function="recbole_ext.patches.functions.names:set_default_parameters",
    ),
    Patch(
        name="cpu-processes",
        target="recbole.config.configurator:Config._init_device",
        kind="edit",
        group="bugs",
        why=_CPU_WHY,
        edits=(
            Edit('assert len(gpu_id.split(",")) >= self.final_config_dict["nproc"]', "pass"),
            Edit('backend="nccl"', 'backend="gloo"'),
            Edit('"cuda", self.final_config_dict["local_rank"]', '"cpu"'),
            Edit('torch.cuda.set_device(self.final_config_dict["local_rank"])', "pass"),
        ),
        needed=conditions.no_cuda,
    ),
    Patch(
        name="cpu-processes-model",
        target="recbole.trainer.trainer:AbstractTrainer.__init__",
        kind="replace",
        group="bugs",
        why=_CPU_WHY,
        function=f"{_OURS}:abstract_trainer_init",
        needed=conditions.no_cuda,
        sources={"1.2.1": "212c9bb58d17"},
    ),
    Patch(
        name="device-in-use",
        target="recbole.config.configurator:Config._init_device",
        kind="wrap",
        group="bugs",
        why="use_gpu: False trains on the GPU; CUDA_VISIBLE_DEVICES is overwritten by the default "
        "of gpu_id; the log says use_gpu = True on a machine without a GPU.",
        function=f"{_OURS}:init_device",
    ),
    Patch(
        name="folder-race",
        target="recbole.utils.utils:ensure_dir",
        kind="replace",
        group="bugs",
        why="Of two processes that make saved/ at the same time, one fails.",
        function=f"{_OURS}:ensure_dir",
        sources={"1.2.1": "4ea3f5d9409e"},
    ),
    Patch(
        name="evaluation-candidates",
        target="recbole.data.dataloader.general_dataloader:NegSampleEvalDataLoader.collate_fn",
        kind="wrap",
        group="bugs",
        why="uniN and popN draw an item several times for a user: N negatives are fewer than N.",
        function="recbole_ext.patches.functions.evaluation_candidates:collate",
        sources={"1.2.1": "4238a1bf6692"},
    ),
    Patch(
        name="evaluation-alpha",
        target="recbole.data.utils:_create_sampler",
        kind="edit",
        group="bugs",
        why="popN takes the alpha of train_neg_sample_args: models are ranked among other items.",
        edits=(
            Edit(
                "base_sampler.set_distribution(distribution)",
                "base_sampler.alpha = alpha; base_sampler.set_distribution(distribution)",
            ),
        ),
    ),
    Patch(
        name="flops",
        target="recbole.quick_start.quick_start:run_recbole",
        kind="edit",
        group="bugs",
        why="RecBole logs wrong FLOPs for models without layers of torch.nn: ours, EASE, Pop.",
        edits=(
            Edit(
                'flops = get_flops(model, dataset, config["device"], logger, transform)\n'
                '    logger.info(set_color("FLOPs", "blue") + f": {flops}")',
                'if config["model"] in recbole_ext.registry.keys.recbole_models():\n'
                '        flops = get_flops(model, dataset, config["device"], logger, transform)\n'
                "        if flops > 1:  # 0 and 1 stand for a model that it cannot count\n"
                '            logger.info(set_color("FLOPs", "blue") + f": {flops}")',
            ),
        ),
        uses=("recbole_ext.registry.keys",),
    ),
    Patch(
        name="ray-report",
        target="recbole.quick_start.quick_start:objective_function",
        kind="edit",
        group="bugs",
        why="Ray Tune gets the metrics of the test split, and chooses a trial by them; its report "
        "takes a dict since Ray 2.7 and fails outside of Ray.",
        upstream=(1819,),
        # a run without validation, such as pre-training of S3Rec, has None
        edits=(
            Edit("tune.report(**test_result)", f"{_TUNE_REPORT}.report(best_valid_result or {{}})"),
        ),
        uses=(_TUNE_REPORT,),
    ),
    Patch(
        name="coverage-metrics",
        target="recbole.evaluator.collector:Collector.get_data_struct",
        kind="replace",
        group="bugs",
        why="RecBole 1.2.1 moves the counts that ItemCoverage, AveragePopularity and others need "
        "like tensors, which fails.",
        function=f"{_OURS}:get_data_struct",
        upstream=(2191, 2194),
        sources={"1.2.1": "b11ab6b322d3", "1.2.0": "3f55796bc5dd"},
    ),
    Patch(
        name="download-barrier",
        target=f"{_DATASET}:Dataset._download",
        kind="edit",
        group="bugs",
        why="A download ends in a barrier of processes, which one process alone cannot pass.",
        edits=(
            Edit(
                "torch.distributed.barrier()",
                "torch.distributed.is_initialized() and torch.distributed.barrier()",
                times=2,
            ),
        ),
    ),
    Patch(
        name="exact-reading",
        target=f"{_DATASET}:Dataset._load_feat",
        kind="edit",
        group="bugs",
        why="RecBole takes the names NA, null and nan for missing values, reads over several lines "
        "where a quote stands, and accepts numbers beyond float32.",
        edits=(
            Edit(
                'open(filepath, "r", encoding=encoding)', f"{_READING}.open_header(self, filepath)"
            ),
            Edit("pd.read_csv(", f"{_READING}.read_columns(self, "),
        ),
        uses=(_READING,),
    ),
    Patch(
        name="checked-columns",
        target=f"{_DATASET}:Dataset._load_inter_feat",
        kind="wrap",
        group="bugs",
        why="A setting that names a column which is not loaded, or of the wrong type, ends in a "
        "traceback, or is ignored silently.",
        function="recbole_ext.patches.functions.checked_data:load_inter_feat",
    ),
    Patch(
        name="no-sequences",
        target="recbole.data.dataset.sequential_dataset:SequentialDataset._aug_presets",
        kind="wrap",
        group="bugs",
        why="Sequences of users with one interaction each end in a traceback.",
        function="recbole_ext.patches.functions.checked_data:aug_presets",
    ),
    Patch(
        name="dropped-rows",
        target=f"{_DATASET}:Dataset._data_processing",
        kind="wrap",
        group="bugs",
        why="RecBole drops interactions silently, by its filters or because a user is not "
        "in the .user file, and does not say which filter has left nothing.",
        function=f"{_READING}:data_processing",
    ),
    Patch(
        name="exact-time-order",
        target=f"{_DATASET}:Dataset.build",
        kind="wrap",
        group="bugs",
        why="Times are float32, 128 seconds apart, before order: TO sorts by them; a time column "
        "of type token is sorted by first occurrence.",
        function=f"{_TIME}:build",
        requires="exact-time-values",
    ),
    Patch(
        name="exact-time-values",
        target=f"{_DATASET}:Dataset._dataframe_to_interaction",
        kind="wrap",
        group="bugs",
        why="Times are float32, 128 seconds apart, before order: TO sorts by them.",
        function=f"{_TIME}:dataframe_to_interaction",
        requires="exact-time-order",
    ),
    Patch(
        name="exact-time-repeats",
        target=f"{_DATASET}:Dataset._remove_duplication",
        kind="edit",
        group="bugs",
        why="Of rows of the same user, item and time, rm_dup_inter keeps one that depends on "
        "the sorting algorithm.",
        edits=(
            Edit("if self.time_field in self.inter_feat:", f"if {_TIME}.has_times(self):"),
            Edit("ascending=True, inplace=True", 'ascending=True, inplace=True, kind="stable"'),
        ),
        uses=(_TIME,),
        requires="exact-time-order",
    ),
    Patch(
        name="time-split",
        target=f"{_DATASET}:Dataset.time_based_split",
        kind="edit",
        group="bugs",
        why="split: TS mixes up a user's rows with order: RO, and rounds three quarters of four "
        "rows down to two.",
        edits=(
            Edit("ratios = [_ / tot_ratio for _ in ratios]", f"ratios = {_TIME}.shares(ratios)"),
            Edit(
                "np.percentile(all_times, 100 * (1 - ratios[-1]))",
                f"{_TIME}.last_moment(all_times, ratios[-1])",
            ),
            Edit(
                "grouped_index = np.array(grouped_index)",
                f"grouped_index = {_TIME}.in_time_order("
                "self.inter_feat[self.time_field], grouped_index)",
            ),
        ),
        uses=(_TIME,),
        releases=("1.2.1",),  # time-split-added has it for 1.2.0
    ),
    Patch(
        name="benchmark-filters",
        target=f"{_DATASET}:Dataset._get_preset",
        kind="wrap",
        group="bugs",
        why="With benchmark_filename, rm_dup_inter and other filters are ignored silently.",
        function=f"{_TIME}:get_preset",
    ),
)
