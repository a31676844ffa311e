//! The host process as a machine: arena, stubs, per-CPU areas, faults
