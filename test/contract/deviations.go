package contract

import "github.com/getkin/kin-openapi/openapi3"

// A Deviation is a known or assumed difference of the service from its published document. The list is complete:
// everything else is checked against the document.
type Deviation struct {
	// Where names the place in the document.
	Where string
	// Why is what the service does instead, and how that is known.
	Why string

	apply func(*openapi3.T)
}

// Deviations returns all of them, for documentation and tests.
func Deviations() []Deviation { return append([]Deviation(nil), deviations...) }

var deviations = []Deviation{
	{
		Where: "servers",
		Why:   "the document names the public hosts; simulators, stages and tests use others",
		apply: func(doc *openapi3.T) { doc.Servers = nil },
	},
	{
		Where: "ClusterTransfer.status",
		Why: "the enum is capitalised (Pending, Accepted, ...), the service sends lower case: insights-operator searches " +
			"\"status is 'accepted'\" and its fixtures hold \"accepted\"; the service also has \"expired\", which is not in the enum",
		apply: func(doc *openapi3.T) {
			// The schema is an allOf of the reference and its own properties; only the latter has a status.
			for _, part := range doc.Components.Schemas["ClusterTransfer"].Value.AllOf {
				if status, ok := part.Value.Properties["status"]; ok {
					status.Value.Enum = append(status.Value.Enum,
						"pending", "accepted", "declined", "rescinded", "completed", "expired")
				}
			}
		},
	},
	{
		Where: "POST access_token, request body",
		Why: "the document declares none, but published clients (the SDK's typed call, osdctl, curl with -d {}) send an empty " +
			"one, an empty object or nothing; the service accepts all three",
	},
	{
		Where: "POST cluster_registrations, GET organizations/{id}, GET role_bindings",
		Why: "not in the part of the document in this repository, because the operator calls none of them; the simulator serves them beside " +
			"the contract for telemetry and for the ocm command line",
	},
	{
		Where: "path-level parameters",
		Why: "{id} and {rotationId} are declared on the path, not on its operations; they apply to every operation there. " +
			"Nothing is changed, the validator follows the OpenAPI rule",
	},
	{
		Where: "PullSecretRotation.status",
		Why:   "a free string: only pending and completed are publicly known, so any value passes and a client must expect others",
	},
	{
		Where: "format: email",
		Why:   "not checked: the document's validator knows the formats date-time and integer widths only",
	},
}
