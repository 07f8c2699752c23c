package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/openshift/credential-rotation-operator/test/sim/proxy"
	"github.com/openshift/credential-rotation-operator/test/sim/registry"
	"github.com/openshift/credential-rotation-operator/test/sim/simtls"
)

// images exist from the start, for every valid credential.
var images = []struct{ registry, repository, tag string }{
	{registry.Quay, "openshift-release-dev/ocp-release", "4.20.0-x86_64"},
	{registry.RedHatRegistry, "ubi8/ubi", "latest"}, // the operator's default image for this registry
	{registry.RedHatRegistry, "ubi9/ubi", "latest"},
	{registry.RedHatConnect, "example/operator", "latest"},
}

// registryFlags are those of the registry simulator in a separate process.
type registryFlags struct {
	pullSecret string
}

func (f *registryFlags) addAlone(c *cobra.Command) {
	c.Flags().StringVar(&f.pullSecret, "pull-secret", "",
		"file of a pull secret with the valid credentials; it is read at every login")
}

// build prepares the simulator. The valid credentials are those of the directory, or of the file if it is nil.
func (f *registryFlags) build(ca *simtls.CA, living registry.Directory) (part, *registry.Sim, error) {
	if living == nil {
		if f.pullSecret == "" {
			return part{}, nil, errors.New("--pull-secret is missing: the registries accept the credentials in it")
		}
		living = pullSecretFile(f.pullSecret)
	}
	sim, err := registry.New(registry.Options{Directory: living, CA: ca})
	if err != nil {
		return part{}, nil, err
	}
	return part{name: "Registries", start: sim.Start, close: sim.Close, describe: func(files folder) ([]string, error) {
		path, err := files.write("registry-ca.pem", sim.CA().PEM())
		if err != nil {
			return nil, err
		}
		lines := []string{"control  " + sim.ControlURL(), "trust    " + path}
		for _, i := range images {
			if _, err := sim.AddImage(i.registry, i.repository, i.tag, registry.Subscribers); err != nil {
				return nil, fmt.Errorf("add an image: %w", err)
			}
			lines = append(lines, fmt.Sprintf("image    %s/%s:%s", i.registry, i.repository, i.tag))
		}
		return lines, nil
	}}, sim, nil
}

// pullSecretFile is a directory of valid credentials: the entries of a pull secret in a file.
type pullSecretFile string

// Alive reports whether the file has these credentials for the registry. A file that cannot be read has none.
func (f pullSecretFile) Alive(registry, user, password string) bool {
	raw, err := os.ReadFile(string(f))
	if err != nil {
		return false
	}
	var document struct {
		Auths map[string]struct{ Auth string }
	}
	if json.Unmarshal(raw, &document) != nil {
		return false
	}
	return document.Auths[registry].Auth == base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// proxyPart is the proxy through which clients reach simulators by the real names. It starts after them, because their addresses are not known
// before.
func proxyPart(routes ...func() map[string]string) part {
	p := proxy.New()
	start := func() error {
		for _, some := range routes {
			for target, address := range some() {
				p.Route(target, address)
			}
		}
		return p.Start()
	}
	return part{name: "Proxy", start: start, close: p.Close, describe: func(folder) ([]string, error) {
		var targets []string
		for _, some := range routes {
			targets = slices.AppendSeq(targets, maps.Keys(some()))
		}
		slices.Sort(targets)
		return []string{
			"service  " + p.URL(),
			"control  " + p.ControlURL(),
			fmt.Sprintf("leads to %v", targets),
			"use      export HTTPS_PROXY=" + p.URL(),
		}, nil
	}}
}
