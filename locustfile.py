"""Load on a running system: applications that send, and look at what they sent.

    . .devstack/run.env
    make load                               # 20 users for a minute, against $GATEWAY_URL
    make load USERS=100 SECONDS=300

Talks to the gateway named by GATEWAY_URL only. Figures are worth something only beside a limit that
was measured in the same run. `benchmarks/` holds locust's own requirements.
"""

import os
import random
import uuid

from locust import FastHttpUser, between, events, task

API = "/api/v1/notifications"


@events.init.add_listener
def require_settings(**_: object) -> None:
    """Say what is missing before any load begins."""
    missing = [name for name in ("API_KEY", "DEMO_USER_ID") if not os.environ.get(name)]
    if missing:
        msg = f"{', '.join(missing)} not set: run `make run`, then `. .devstack/run.env`."
        raise SystemExit(msg)


class Application(FastHttpUser):
    """An application that sends notifications to one user and reads some of them back."""

    wait_time = between(0.05, 0.5)
    host = os.environ.get("GATEWAY_URL", "http://127.0.0.1:8000")

    def on_start(self) -> None:
        """Remember nothing yet."""
        self.sent: list[str] = []
        self.headers = {"X-API-Key": os.environ["API_KEY"]}

    @task(8)
    def send(self) -> None:
        """One notification with a key of its own."""
        channel = random.choice(("email", "email", "push"))
        with self.client.post(
            API,
            json={
                "notification_type": channel,
                "user_id": os.environ["DEMO_USER_ID"],
                "template_code": "welcome_email",
                "variables": {"name": "Ada", "link": "https://example.com/start"},
                "request_id": uuid.uuid4().hex,
            },
            headers=self.headers,
            name=f"POST {API}",
            catch_response=True,
        ) as answer:
            if answer.status_code == 202:
                self.sent.append(answer.json()["data"]["notification_id"])
                del self.sent[:-50]
            else:
                answer.failure(f"{answer.status_code}: {answer.text}")

    @task(2)
    def read(self) -> None:
        """Where one of them stands."""
        if self.sent:
            self.client.get(
                f"{API}/{random.choice(self.sent)}", headers=self.headers, name=f"GET {API}/{{id}}"
            )

    @task(1)
    def read_page(self) -> None:
        """The newest ones."""
        self.client.get(f"{API}?limit=20", headers=self.headers, name=f"GET {API}")
