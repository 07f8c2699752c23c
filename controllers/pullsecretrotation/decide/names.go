package decide

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// InvalidNames returns an error for an invalid name in a spec. The schema refuses them too, but an object may be older than the schema, and names
// go into requests, commands and messages.
func InvalidNames(spec *v1alpha1.PullSecretRotationSpec) error {
	for _, n := range namesIn(spec) {
		if problem := n.check(n.value); problem != "" {
			return fmt.Errorf("%s is %s, which is not a valid %s", n.field, shown(n.value), problem)
		}
	}
	return nil
}

type nameIn struct {
	field, value string
	// check returns an empty string for a valid name, else what it should be.
	check func(string) string
}

func namesIn(spec *v1alpha1.PullSecretRotationSpec) []nameIn {
	var list []nameIn
	for i, t := range spec.Targets {
		list = append(list, nameIn{fmt.Sprintf("spec.targets[%d].namespace", i), t.Namespace, namespace}, nameIn{fmt.Sprintf("spec.targets[%d].name", i), t.Name, objectName})
	}
	if ref := spec.OCM.CredentialsSecretRef; ref != nil {
		list = append(list, nameIn{"spec.ocm.credentialsSecretRef.name", ref.Name, objectName})
	}
	if ref := spec.OCM.CABundleConfigMapRef; ref != nil {
		list = append(list, nameIn{"spec.ocm.caBundleConfigMapRef.name", ref.Name, objectName})
	}
	for i, name := range spec.Entries.AddMissing {
		list = append(list, nameIn{fmt.Sprintf("spec.entries.addMissing[%d]", i), name, registryName})
	}
	for i, v := range spec.Verification {
		list = append(list, nameIn{fmt.Sprintf("spec.verification[%d].registry", i), v.Registry, registryName})
		if v.Image != "" {
			list = append(list, nameIn{fmt.Sprintf("spec.verification[%d].image", i), v.Image, imageName})
		}
	}
	if p := spec.Rollout.Probe; p != nil {
		list = append(list, nameIn{"spec.rollout.probe.image", p.Image, imageName})
		for i, name := range p.Pools {
			list = append(list, nameIn{fmt.Sprintf("spec.rollout.probe.pools[%d]", i), name, objectName})
		}
	}
	return list
}

func namespace(name string) string {
	if len(validation.IsDNS1123Label(name)) > 0 {
		return "name of a namespace"
	}
	return ""
}

func objectName(name string) string {
	if len(validation.IsDNS1123Subdomain(name)) > 0 {
		return "name of an object"
	}
	return ""
}

func registryName(name string) string {
	bare := strings.TrimPrefix(strings.TrimPrefix(name, "https://"), "http://")
	if len(name) > 253 || !starts(bare) || strings.ContainsFunc(bare, func(r rune) bool { return !alphanumeric(r) && !strings.ContainsRune(".-_~:/", r) }) {
		return "registry as in a pull secret (host[:port][/path])"
	}
	return ""
}

func imageName(name string) string {
	if len(name) > 1024 || !starts(name) || strings.ContainsFunc(name, func(r rune) bool { return !alphanumeric(r) && !strings.ContainsRune(".-_:/@", r) }) {
		return "image (host/repository:tag or host/repository@sha256:...)"
	}
	return ""
}

func starts(name string) bool { return name != "" && alphanumeric(rune(name[0])) }

func alphanumeric(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

// shown quotes and shortens an invalid name, so that it is harmless on a terminal and in a message.
func shown(name string) string {
	const longest = 64
	if len(name) > longest {
		return fmt.Sprintf("%q...", strings.ToValidUTF8(name[:longest], ""))
	}
	return fmt.Sprintf("%q", name)
}
