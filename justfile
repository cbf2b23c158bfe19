# Thin names for the commands; continuous integration runs the same.

# Everything a change must pass.
test:
    scripts/test

# Does it compile?
check:
    cargo check --workspace --all-targets --locked

# Format and lints.
lint:
    cargo fmt --all -- --check && cargo clippy --workspace --all-targets --locked -- -D warnings

# The crew on the small broken service.
demo:
    cargo run --locked --bin groundcrew -- demo
