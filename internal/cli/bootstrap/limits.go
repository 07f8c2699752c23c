package bootstrap

// What the API server would refuse of the CAPCredentialSet. It would say so only while the cluster is being made: the installation
// would go on without the set, and end without workers.

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/util/validation"
)

const (
	// maxRole is that of the API for a role.
	maxRole = 512
	// maxExtraParameters is that of the API.
	maxExtraParameters = 16
)

// checkLimits checks what the flags say against the limits of the API.
func (i *install) checkLimits() error {
	for _, f := range []struct {
		flag, value string
		limit       int
	}{
		{"--url", i.portal.URL, 2048}, {"--agency", i.portal.Agency, 256}, {"--mission", i.portal.Mission, 256}, {"--default-role", i.defaultRole, maxRole},
	} {
		if utf8.RuneCountInString(f.value) > f.limit {
			return fmt.Errorf("%s has more than %d characters", f.flag, f.limit)
		}
	}
	switch {
	case len(validation.IsDNS1123Subdomain(i.name)) > 0:
		return errors.New("--name must be a name that an object can have: lower-case letters, digits, '-' and '.'")
	case strings.ContainsAny(i.portal.URL, "@#"):
		return errors.New("--url must hold neither @ nor #")
	case i.portal.Timeout < time.Second || i.portal.Timeout > 5*time.Minute:
		return errors.New("--timeout must be between 1s and 5m")
	case len(i.portal.ExtraParameters) > maxExtraParameters:
		return fmt.Errorf("there may be at most %d of --extra-parameter", maxExtraParameters)
	}
	for name, role := range i.roles {
		if utf8.RuneCountInString(role) > maxRole {
			return fmt.Errorf("%s: CredentialsRequest %s has a role of more than %d characters", i.rolesFile, name, maxRole)
		}
	}
	return nil
}
