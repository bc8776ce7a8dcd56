"""What each message of the redrive queue causes."""

from collections.abc import Callable
from dataclasses import dataclass

from redrive.api import RedriveApi
from redrive.automatic import Automatic
from redrive.messages import Follow, JobChanged, PlanOn, ReportWasRead, StartOn, Ticked, parse
from redrive.plan import Planner
from redrive.run import Runner


@dataclass(frozen=True, slots=True, kw_only=True)
class Redrives:
    """The function: its API and its queue."""

    api: RedriveApi
    planner: Planner
    runner: Runner
    automatic: Automatic

    def handle(self, body: str, seconds_left: Callable[[], float]) -> None:
        """Works off a message. Rejected when it is none; NotYet when it has to come again."""
        match parse(body):
            case PlanOn(redrive_id):
                self.planner.plan(redrive_id, seconds_left)
            case StartOn(redrive_id):
                self.runner.start(redrive_id)
            case Follow(redrive_id):
                self.runner.follow(redrive_id)
            case ReportWasRead(uri):
                self.runner.follow_report(uri)
            case JobChanged(job_id):
                self.runner.follow_job(job_id)
            case Ticked():
                self.runner.tick()
                self.automatic.tick()
            case None:
                return
