package plan

import "strconv"

// MissingMessage is for a missing Secret that the operator does not create.
const MissingMessage = "The Secret does not exist and spec.createMissingSecrets is false. Create it, or allow the operator to."

// NotOursMessage is for a Secret with somebody else's data, notOpaqueMessage for one of another type.
const (
	NotOursMessage = "The Secret holds data that the operator did not write, so the operator leaves it alone and it gets no credentials. To take " +
		"it over, set spec.credentialsRequests.adoptExisting, or name it in spec.secrets."
	notOpaqueMessage = "The Secret's type is not Opaque, so the operator leaves it alone and it gets no credentials. Remove it from the set, or " +
		"delete it so that the operator recreates it."
)

func noRoleMessage(r Row) string {
	switch {
	case r.ownRole:
		return "The Secret's key role is not in spec.credentialsRequests.allowedRoles, so it gets no credentials. Correct it, allow the role, or set one in " +
			"spec.credentialsRequests.roles."
	case r.Observation.Role != "" && r.AllowedRoles == nil:
		return "The spec gives no role for this Secret, and ignores the Secret's own key role, so it gets no credentials. Set one in " +
			"spec.credentialsRequests.roles or spec.credentialsRequests.defaultRole, or set spec.credentialsRequests.secretRoleKey to AllowListed."
	}
	return "The spec gives no role for this Secret, so it gets no credentials. Set one in spec.credentialsRequests.roles or spec.credentialsRequests.defaultRole."
}

// FightMessage names the other writer of a Secret.
func FightMessage(r Row) string {
	writer := "Somebody"
	if r.Writer != "" {
		writer = "The field manager " + strconv.QuoteToASCII(r.Writer)
	}
	return writer + " keeps changing what the operator writes to this Secret, so the operator corrects it less and less often. Stop the other writer."
}
