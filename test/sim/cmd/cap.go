package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/openshift/credential-rotation-operator/test/sim/cap"
	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
)

// capFlags are those of the CAP simulator.
type capFlags struct {
	options  cap.Options
	lifetime time.Duration
}

func (f *capFlags) add(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.options.Address, "cap-listen", "127.0.0.1:0", "address of the CAP service")
	flags.StringVar(&f.options.ControlAddress, "cap-control", "127.0.0.1:0", "address of the CAP control port")
	flags.StringSliceVar(&f.options.Hosts, "cap-host", nil, "names and addresses in the server's certificate (default: this machine's)")
	flags.StringVar(&f.options.PathPrefix, "cap-path-prefix", "", "prefix of the paths, such as /CAP")
	flags.StringVar(&f.options.Agency, "cap-agency", "AGENCY", "the expected agency")
	flags.StringVar(&f.options.Mission, "cap-mission", "MISSION", "the expected mission, which SC2S calls accountName")
	flags.StringToStringVar(&f.options.Roles, "cap-role", map[string]string{
		"openshift-operators": "123456789012", "openshift-storage": "123456789012",
	}, "known roles with their accounts, ROLE=ACCOUNT")
	flags.DurationVar(&f.lifetime, "cap-lifetime", time.Hour, "lifetime of a credential")
	flags.BoolVar(&f.options.Settings.OmitExpiration, "cap-omit-expiration", false, "omit Expiration")
	flags.BoolVar(&f.options.Settings.OmitSessionToken, "cap-omit-session-token", false, "omit SessionToken, as the emulator does")
}

// build prepares the simulator.
func (f *capFlags) build(shared *sharedFlags) (part, *cap.Sim, error) {
	f.options.Clock = shared.clock()
	f.options.Settings.Lifetime = simctl.Duration(f.lifetime)
	portal, err := cap.New(f.options)
	if err != nil {
		return part{}, nil, err
	}
	return part{
		name: "CAP", start: portal.Start, close: portal.Close,
		describe: func(files folder) ([]string, error) { return describeCAP(portal, files) },
	}, portal, nil
}

// describeCAP writes the certificate files with the names of cap-token-refresh.
func describeCAP(portal *cap.Sim, files folder) ([]string, error) {
	certificate, key, err := portal.ClientCertificate("npe")
	if err != nil {
		return nil, err
	}
	paths := map[string]string{}
	for name, content := range map[string][]byte{"cap.pem": certificate, "cap.key": key, "ca-chain.cert.pem": portal.CAPEM()} {
		if paths[name], err = files.write(name, content); err != nil {
			return nil, err
		}
	}
	var roles []string
	for role := range portal.State().Roles {
		roles = append(roles, role)
	}
	slices.Sort(roles)
	lines := []string{
		"C2S      " + portal.Endpoint(cap.C2S),
		"SC2S     " + portal.Endpoint(cap.SC2S),
		"control  " + portal.ControlURL(),
		fmt.Sprintf("roles    %v", roles),
	}
	if len(roles) > 0 {
		lines = append(lines, fmt.Sprintf("try      curl --cert %s --key %s --cacert %s '%s?%s'", paths["cap.pem"], paths["cap.key"],
			paths["ca-chain.cert.pem"], portal.Endpoint(cap.C2S), portal.Query(cap.C2S, roles[0]).Encode()))
	}
	return append(lines, fmt.Sprintf(`break    curl -X POST -d '{"kind": "html", "times": 1}' %s/faults`, portal.ControlURL())), nil
}
