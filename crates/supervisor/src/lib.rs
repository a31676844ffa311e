//! Owns an instance: namespaces, faces, the programs inside
