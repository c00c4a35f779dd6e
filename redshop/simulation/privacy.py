"""What the simulation holds: of simulated people only."""

from redshop.core.data_map import describe

describe(
    "simulation.SimulationRun",
    plain="id seed people days scenario arm thinned declaration since_at until_at state days_done"
    " is_in_day agenda summary started_at finished_at",
)
describe("simulation.Cause", plain="id run order note share")
describe("simulation.WrittenScenario", plain="id name question text is_ready changed_at")
describe(
    "simulation.Comparison",
    plain="id scenario version digest code said seed people days metric planned half_width swept"
    " state trouble begun_at compared_at replications found text parquet",
)
describe(
    "simulation.Replicate",
    plain="id comparison key value number attempts begun_at done_at host result",
)
