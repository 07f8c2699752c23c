package command

import "strings"

// Account is the service account of the operator, and what its roles are called after.
const Account = "credential-rotation-operator"

// Grant is a right to one object by its name.
type Grant struct {
	// Namespace and Name of the object; Resource is its kind as RBAC calls it.
	Namespace, Name, Resource string
	Verbs                     []string
	// Purpose is put into the role's name where one object may need two of them.
	Purpose string
	// OperatorNamespace is where the operator's service account lies.
	OperatorNamespace string
}

// String is the command that gives the right to the operator.
func (g Grant) String() string {
	role := g.role()
	return Sequence(
		Line{"oc", "-n", g.Namespace, "create", "role", role, "--verb=" + strings.Join(g.Verbs, ","), "--resource=" + g.Resource, "--resource-name=" + g.Name},
		Line{"oc", "-n", g.Namespace, "create", "rolebinding", role, "--role=" + role, "--serviceaccount=" + g.OperatorNamespace + ":" + Account},
	)
}

// role is a name that fits into the 253 characters that a name may have.
func (g Grant) role() string {
	const longest = 253
	name := Account + "-" + g.Purpose + g.Name
	if len(name) <= longest {
		return name
	}
	return strings.TrimRight(strings.ToValidUTF8(name[:longest], ""), "-.")
}
