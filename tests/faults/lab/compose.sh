#!/bin/sh
# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# On the Compose host: a project with a service for each way in which a container can be broken.
set -eu
# A run that was killed may have left it stopped.
systemctl start docker.service
mkdir -p /opt/xorb-lab
cd /opt/xorb-lab
{
    printf 'services:\n'
    for service in unhealthy missing restarting paused exited squeezed; do
        mkdir -p "state/$service"
        cat <<END
  $service:
    image: xorb/local:2
    pull_policy: never
    # A file of this name makes it end at its start, or be unhealthy.
    command: [sh, -c, "test ! -e /state/ends || exit 3; exec redis-server --save '' --protected-mode no"]
    restart: unless-stopped
    mem_limit: 64m
    volumes: ["./state/$service:/state"]
END
        # A check costs the machine a process each time, so only who needs one has it.
        test "$service" != unhealthy ||
            echo '    healthcheck: {test: [CMD-SHELL, "test ! -e /state/sick"], interval: 2s, timeout: 5s, retries: 2}'
    done
} > docker-compose.yml
# Another one, whose name something else than its folder can decide. It comes back where the engine was stopped.
mkdir -p /opt/xorb-lab-named
printf 'services:\n  cache:\n    image: xorb/local:2\n    pull_policy: never\n    command: [redis-server, --save, ""]\n    restart: always\n' \
    > /opt/xorb-lab-named/docker-compose.yml
ln -sfn /opt/xorb-lab-named /opt/xorb-lab-current
docker compose --project-directory /opt/xorb-lab-named up --detach --wait --wait-timeout 90 --quiet-pull > /dev/null
docker compose up --detach --wait --wait-timeout 90 --quiet-pull > /dev/null
