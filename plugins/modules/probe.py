# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: probe
short_description: Inspect many services in one round trip
version_added: 0.1.0
author:
  - the xorb.runbook authors (@xorb)
description:
  - Runs any number of probes side by side on the host, within one deadline, and returns what each of them found as a
    list of checks.
  - A probe judges what a service answers, not that it answers. A health endpoint that answers 200 with an unhealthy
    body is V(critical), and so is a Redis that answers C(NOAUTH).
  - A probe that could not inspect its service gives checks that are V(unknown) and never V(ok). That is so for one that
    hangs, for one whose driver is missing, and for one that raised an error. None of them disturbs the others.
  - A check that fails does not fail the task. The module fails only where its options are wrong.
  - The action M(xorb.runbook.inspect) calls it with the probes that the platform description asks for.
options:
  deadline:
    description:
      - Seconds after which a probe that has not answered is reported as V(unknown).
    type: int
    default: 30
extends_documentation_fragment:
  - xorb.runbook._attributes
  - xorb.runbook.probe_kinds
notes:
  - The kinds V(postgres), V(redis) and V(tls) need the Python libraries psycopg2, redis and cryptography on the host.
    The playbook C(xorb.runbook.prerequisites) installs them.
seealso:
  - module: xorb.runbook.inspect
  - module: xorb.runbook.report
"""

EXAMPLES = r"""
- name: Inspect an API, its database and the disk under it
  xorb.runbook.probe:
    deadline: 15
    http:
      - service: api
        point: rest
        owner: "{{ inventory_hostname }}"
        port: 8000
        host_header: api.example.com
        health: /api/v1/health
        readiness:
          path: /api/v1/readiness
          expect:
            - path: status
              equals: ready
            - path: checks.cache.status
              equals: ok
              else: warning
        paths:
          guarded:
            path: /api/v1/status
            status: [401]
          queue:
            path: /api/v1/queue
            expect:
              - path: pending_jobs
                max: 100
    postgres:
      - service: postgres
        point: sql
        owner: "{{ inventory_hostname }}"
        user: monitor
        database: shop
        password: "{{ vault_monitor_password }}"
    disk:
      - service: host
        point: root
        owner: "{{ inventory_hostname }}"
        path: /
  register: inspected

- name: Stop where anything is worse than a warning
  ansible.builtin.assert:
    that: inspected.checks | rejectattr('status', 'in', ['ok', 'warning', 'not_applicable']) | length == 0
    fail_msg: "{{ inspected.checks | map(attribute='message') | join('; ') }}"
"""

RETURN = r"""
checks:
  description: What was found, at least one check for each aspect of each probe.
  returned: success
  type: list
  elements: dict
  sample:
    - id: api.rest.health
      name: api rest health
      topic: health
      service: api
      host: ''
      owner: web1
      target: web1:8000
      status: ok
      message: HTTP 200 in 4.2 ms, status is "healthy"
      value: 4.2
      unit: ms
      warning: 1000
      critical: 3000
      threshold_source: ours
      remedy: ''
      blocked_by: ''
      observed_at: '2026-11-23T18:30:00.123Z'
      duration_ms: 4.6
      falling: false
  contains:
    id:
      description: Service, point and aspect. The same in every run.
      returned: success
      type: str
      sample: api.rest.health
    name:
      description: The same as words.
      returned: success
      type: str
      sample: api rest health
    topic:
      description: Chapter of the runbook that the check belongs to.
      returned: success
      type: str
      sample: health
    service:
      description: Service of the platform description.
      returned: success
      type: str
      sample: api
    host:
      description: The host that observed it. Empty here, since only the control node knows the host's name.
      returned: success
      type: str
      sample: ''
    owner:
      description: Host that owns the service.
      returned: success
      type: str
      sample: web1
    target:
      description: What it inspected.
      returned: success
      type: str
      sample: web1:8000
    status:
      description:
        - V(ok), V(warning) or V(critical).
        - V(unknown) where it could not be determined, which is a failure.
        - V(not_applicable) where there is nothing to judge.
      returned: success
      type: str
      sample: ok
    message:
      description: One sentence with the evidence. Never a secret.
      returned: success
      type: str
      sample: HTTP 200 in 4.2 ms, status is "healthy"
    value:
      description: The measured number, where there is one.
      returned: success
      type: raw
      sample: 4.2
    unit:
      description: Unit of the number.
      returned: success
      type: str
      sample: ms
    warning:
      description: The threshold of a warning, where there is one.
      returned: success
      type: float
      sample: 1000
    critical:
      description: The threshold of a failure, where there is one.
      returned: success
      type: float
      sample: 3000
    threshold_source:
      description: Where the thresholds come from.
      returned: success
      type: str
      sample: ours
    remedy:
      description: Playbook or command that fixes it, where one is known.
      returned: success
      type: str
      sample: systemctl restart api
    blocked_by:
      description: Check that explains this one. Empty here, since only the report sees all hosts.
      returned: success
      type: str
      sample: ''
    observed_at:
      description: When it was seen, UTC.
      returned: success
      type: str
      sample: '2026-11-23T18:30:00.123Z'
    duration_ms:
      description: What it took to find out.
      returned: success
      type: float
      sample: 4.6
    falling:
      description: Whether less is worse, so that the thresholds are crossed downwards.
      returned: success
      type: bool
      sample: false
    about:
      description: >-
        What it is about, as words C(key=value), by which the report finds what explains it, and never by its message.
        C(by) has what may explain it, C(met), C(is), C(brings) and C(reported) begin a fault with its reason, and the
        words behind name what is at fault.
      returned: when it is not as it should be
      type: str
      sample: by=process marks=opens met=refused endpoint=web1:8000
"""

from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.xorb.runbook.plugins.module_utils._core import zip_imports

zip_imports.compile_once()

from ansible_collections.xorb.runbook.plugins.module_utils._core import surroundings
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import InvalidOptions, RunbookError
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import argument_spec
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.registry import KINDS
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.runner import Probe, run_probes


def _made_before(method: Callable[..., Any]) -> Callable[..., Any]:
    """The method of a dict, called when the dict has been filled."""

    @wraps(method)
    def called(self: _Options, *arguments: Any) -> Any:
        self.make()
        return method(self, *arguments)

    return called


class _Options(dict[str, Any]):
    """The argument spec of a kind's options, made when it is first read.

    A host needs a few of the kinds, and to import all of them would be most of what it has to do. The validator
    of specs wants a dict and no other mapping.
    """

    def __init__(self, *, kind: str = "") -> None:
        super().__init__()
        self._kind = kind

    def make(self) -> None:
        """Fill the dict, once."""
        kind, self._kind = self._kind, ""
        if kind:
            self.update(argument_spec(KINDS[kind].probe_options))

    __getitem__ = _made_before(dict.__getitem__)
    __contains__ = _made_before(dict.__contains__)
    __iter__ = _made_before(dict.__iter__)
    __len__ = _made_before(dict.__len__)
    get = _made_before(dict.get)
    items = _made_before(dict.items)
    keys = _made_before(dict.keys)
    values = _made_before(dict.values)


def probes(params: Mapping[str, Any]) -> Iterator[Probe]:
    """Yield every probe that the module is given, each part of it on its own."""
    for name in KINDS:
        for given in params[name] or ():
            for part in KINDS[name].split(given):
                yield Probe(KINDS[name], part)


def refuse_faults(params: Mapping[str, Any]) -> None:
    """Raise `InvalidOptions` where options cannot work together; the argument spec knows each for itself only."""
    faults = [
        (f"{name}[{index}].{key}", message)
        for name in KINDS
        for index, given in enumerate(params[name] or ())
        for key, message in KINDS[name].refused(given)
    ]
    if faults:
        raise InvalidOptions(faults)


def main() -> None:
    """Run the module."""
    surroundings.leave()
    module = AnsibleModule(
        argument_spec={
            "deadline": {"type": "int", "default": 30},
            **{name: {"type": "list", "elements": "dict", "options": _Options(kind=name)} for name in KINDS},
        },
        supports_check_mode=True,
    )
    try:
        refuse_faults(module.params)
    except RunbookError as exc:
        module.fail_json(msg=str(exc), **exc.details)
    checks = run_probes(list(probes(module.params)), deadline=module.params["deadline"])
    module.exit_json(changed=False, checks=[check.as_dict() for check in checks])


if __name__ == "__main__":
    main()
