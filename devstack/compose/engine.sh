# Sourced: `engine_is_missing` says in one sentence, on its output, what docker compose lacks here.

engine_is_missing() {
    if ! command -v docker >/dev/null; then
        echo "docker is not installed; install Docker with its compose plugin, or use make run, which needs neither."
    elif ! docker compose version >/dev/null 2>&1; then
        echo "docker has no compose plugin; install docker-compose-plugin (2.20 or newer), or use make run."
    elif ! docker info >/dev/null 2>&1; then
        echo "No Docker engine answers at ${DOCKER_HOST:-the current docker context}; start it, or use make run, which needs none."
    else
        return 1
    fi
}
