package plan

import "strconv"

// MissingMessage is for a Secret that is missing and stays so.
const MissingMessage = "The Secret does not exist and spec.createMissingSecrets is false. Create it, or allow the operator to."

func noRoleMessage(r Row) string {
	if r.Observation.Role != "" {
		return "The Secret's key role holds no usable role name. Correct it, or give a role in spec.credentialsRequests.roles."
	}
	where := "spec.credentialsRequests.roles or spec.credentialsRequests.defaultRole, or in the Secret's own key role"
	return "Nothing says which role this Secret is for, so it gets no credentials. Give one in " + where + "."
}

// FightMessage says who keeps writing a Secret.
func FightMessage(r Row) string {
	writer := "Somebody"
	if r.Writer != "" {
		writer = "The field manager " + strconv.Quote(r.Writer)
	}
	return writer + " keeps changing what the operator writes into this Secret, so it is set right less and less often. Stop the other writer."
}
