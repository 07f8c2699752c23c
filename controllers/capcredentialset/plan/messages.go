package plan

import "strconv"

// MissingMessage is for a Secret that is missing and stays so.
const MissingMessage = "The Secret does not exist and spec.createMissingSecrets is false. Create it, or allow the operator to."

// NotOursMessage is for a Secret that holds somebody else's data, notOpaqueMessage for one that is something else altogether.
const (
	NotOursMessage = "The Secret holds data that the operator has not written, so it is left as it is and gets no credentials. To have it taken over, " +
		"set spec.credentialsRequests.adoptExisting, or name it in spec.secrets."
	notOpaqueMessage = "The Secret is of another type than Opaque, so it is left as it is and gets no credentials. Take it out of the set, or delete it: " +
		"the operator creates it anew."
)

func noRoleMessage(r Row) string {
	switch {
	case r.ownRole:
		return "The Secret's key role names none of spec.credentialsRequests.allowedRoles, so it gets no credentials. Correct it, allow the role, or give one in " +
			"spec.credentialsRequests.roles."
	case r.Observation.Role != "" && r.AllowedRoles == nil:
		return "The spec says no role for this Secret, and its own key role is not listened to. Give one in spec.credentialsRequests.roles or " +
			"spec.credentialsRequests.defaultRole, or set spec.credentialsRequests.secretRoleKey to AllowListed."
	}
	return "The spec says no role for this Secret, so it gets no credentials. Give one in spec.credentialsRequests.roles or spec.credentialsRequests.defaultRole."
}

// FightMessage says who keeps writing a Secret.
func FightMessage(r Row) string {
	writer := "Somebody"
	if r.Writer != "" {
		writer = "The field manager " + strconv.QuoteToASCII(r.Writer)
	}
	return writer + " keeps changing what the operator writes into this Secret, so it is set right less and less often. Stop the other writer."
}
