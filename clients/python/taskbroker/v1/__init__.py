# SPDX-License-Identifier: Apache-2.0
"""The messages of the protocol, as protoc generates them from proto/taskbroker/v1."""
