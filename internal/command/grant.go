package command

import "strings"

// Account is the operator's service account, and the prefix of its roles' names.
const Account = "credential-rotation-operator"

// Grant is a right to one object by name.
type Grant struct {
	// Namespace and Name of the object; Resource is its kind in RBAC's spelling.
	Namespace, Name, Resource string
	Verbs                     []string
	// Purpose becomes part of the role's name, for objects that may need two roles.
	Purpose string
	// OperatorNamespace is the namespace of the operator's service account.
	OperatorNamespace string
}

// String is the command that grants the right to the operator.
func (g Grant) String() string {
	role := g.role()
	return Sequence(
		Line{"oc", "-n", g.Namespace, "create", "role", role, "--verb=" + strings.Join(g.Verbs, ","), "--resource=" + g.Resource, "--resource-name=" + g.Name},
		Line{"oc", "-n", g.Namespace, "create", "rolebinding", role, "--role=" + role, "--serviceaccount=" + g.OperatorNamespace + ":" + Account},
	)
}

// role is the role's name, cut to the 253 characters that a name may have.
func (g Grant) role() string {
	const longest = 253
	name := Account + "-" + g.Purpose + g.Name
	if len(name) <= longest {
		return name
	}
	return strings.TrimRight(strings.ToValidUTF8(name[:longest], ""), "-.")
}
