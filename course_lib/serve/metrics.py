"""Numbers for whoever watches the service, in the text form that Prometheus reads."""

from collections import Counter
from collections.abc import Mapping

from course_lib.serve.engine import ServingEngine

_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds


class ServiceMetrics:
    """Counts requests and the time until the first token of each; the engine counts the rest.

    Used from the thread of the event loop alone.

    Source: the text-based exposition format of Prometheus, version 0.0.4.
    """

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, int]] = Counter()
        self.first_token = [0] * (len(_BOUNDS) + 1)
        self.first_token_sum = 0.0
        self.disconnected = 0

    def answered(self, route: str, status: int) -> None:
        """Count a request.

        Args:
            route: One of the routes there are, or "other".
            status: Of HTTP.
        """
        self.requests[route, status] += 1

    def first(self, seconds: float) -> None:
        """Note how long a request waited for its first token, from its arrival on."""
        self.first_token[sum(seconds > bound for bound in _BOUNDS)] += 1
        self.first_token_sum += seconds

    def text(self, engine: ServingEngine) -> str:
        """Return all numbers.

        Args:
            engine: Whose numbers are told as well.
        """
        counts = engine.counts
        lines: list[str] = []

        def tell(name: str, kind: str, about: str, samples: Mapping[str, float | int]) -> None:
            lines.append(f"# HELP course_{name} {about}")
            lines.append(f"# TYPE course_{name} {kind}")
            lines.extend(f"course_{name}{labels} {value:g}" for labels, value in samples.items())

        by_route = {
            f'{{route="{route}",status="{status}"}}': float(n)
            for (route, status), n in sorted(self.requests.items())
        }
        tell("requests_total", "counter", "Requests answered.", by_route)
        disconnected = {"": float(self.disconnected)}
        tell("disconnected_total", "counter", "Clients that left before the end.", disconnected)
        written = {'{kind="prompt"}': counts.prompt_tokens, '{kind="completion"}': counts.tokens}
        tell("tokens_total", "counter", "Tokens read and written.", written)
        tell("rows_running", "gauge", "Rows of the batch.", {"": len(engine.rows)})
        tell("rows_waiting", "gauge", "Rows that wait for room.", {"": len(engine.waiting)})
        tell("steps_total", "counter", "Forward passes over the batch.", {"": counts.steps})
        tell("rows_in_steps_total", "counter", "Rows of these.", {"": counts.rows_in_steps})
        tell("model_seconds_total", "counter", "Time in the model.", {"": counts.seconds})
        below, buckets = 0, {}
        for bound, n in zip((*map(str, _BOUNDS), "+Inf"), self.first_token, strict=True):
            below += n
            buckets[f'_bucket{{le="{bound}"}}'] = float(below)
        samples = {**buckets, "_sum": self.first_token_sum, "_count": float(below)}
        tell("first_token_seconds", "histogram", "From arrival to the first token.", samples)
        return "\n".join(lines) + "\n"
