import base64
import hashlib
import json
from pathlib import Path

import pytest

from devstack.rabbitmq_files import hash_password, render_definitions, render_rabbitmq_conf

TOPOLOGY = json.dumps({"vhosts": [{"name": "/"}], "queues": [{"name": "email.queue"}]})
SALT = b"\x90\x8d\xc6\x0a"


def test_hashes_a_password_as_the_example_in_rabbitmqs_documentation() -> None:
    # https://www.rabbitmq.com/docs/passwords#computing-password-hash
    assert hash_password("test12", SALT) == "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR"


def test_puts_the_salt_before_the_digest() -> None:
    raw = base64.b64decode(hash_password("secret", SALT))
    assert raw == SALT + hashlib.sha256(SALT + b"secret").digest()


def test_keeps_the_topology_and_adds_one_user_who_may_configure_nothing() -> None:
    definitions = json.loads(render_definitions(TOPOLOGY, "secret", SALT))
    assert definitions["queues"] == [{"name": "email.queue"}]
    assert [user["name"] for user in definitions["users"]] == ["notifications"]
    assert definitions["users"][0]["tags"] == []
    assert definitions["permissions"] == [
        {"user": "notifications", "vhost": "/", "configure": "^$", "write": ".*", "read": ".*"}
    ]


def test_never_writes_the_password_itself() -> None:
    assert "secret" not in render_definitions(TOPOLOGY, "secret", SALT)


@pytest.mark.parametrize("topology", ["[]", "{"])
def test_refuses_definitions_that_are_no_json_object(topology: str) -> None:
    with pytest.raises(ValueError, match=r"JSON|Expecting"):
        render_definitions(topology, "secret", SALT)


def test_takes_over_shared_keys_but_not_those_of_a_container() -> None:
    shared = (
        "# why\nconsumer_timeout = 900000\n"
        "load_definitions = /etc/rabbitmq/definitions.json\nlisteners.tcp.default = 5672\n"
    )
    conf = render_rabbitmq_conf(Path("/home/definitions.json"), shared).splitlines()
    assert "consumer_timeout = 900000" in conf
    assert [line for line in conf if line.startswith("load_definitions")] == [
        "load_definitions = /home/definitions.json"
    ]
    assert not any(line.startswith("listeners") for line in conf)
