package main

import (
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hotlead/hotlead/cmd/testbed"
)

// What would be found wherever it should not be.
const (
	kafkaSecret = "hush-kafka-7c1f"
	redisSecret = "hush-redis-52aa"
	httpSecret  = "hush-http-0b9e"
)

// tellsNothing looks for secrets in what hotlead said, as they are and as basic authentication carries them.
func tellsNothing(t *testing.T, where, said string) {
	t.Helper()
	for _, secret := range []string{kafkaSecret, redisSecret, httpSecret} {
		for _, form := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret)), fmt.Sprintf("%x", secret)} {
			if strings.Contains(said, form) {
				t.Errorf("%s tells a secret:\n%s", where, said)
				return
			}
		}
	}
}

// freeAddress is an address on loopback where nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestNothingSecretIsTold runs hotlead with secrets that Kafka and Redis refuse, or that never arrive, at its most
// talkative, and looks through everything that comes out of it.
func TestNothingSecretIsTold(t *testing.T) {
	t.Setenv("HOTLEAD_REDIS_PASSWORD", redisSecret)
	servers := map[string][2]string{"away": {freeAddress(t), freeAddress(t)}}
	if testbed.Processes(t) {
		servers["refusing Kafka"] = [2]string{testbed.SecureKafka(t, testbed.KafkaSecurity{Mechanism: "PLAIN", Plaintext: true}).Addr, freeAddress(t)}
		open := testbed.OwnKafka(t).Addr
		if code, _, said := hotlead(t, "", "topics", "create", "--partitions", "2", "--config", write(t, "open.yaml", "kafka: {brokers: ["+open+"]}\nredis: {username: u}\n")); code != exitDone {
			t.Fatal(said)
		}
		servers["refusing Redis"] = [2]string{open, testbed.SecureRedis(t, testbed.RedisSecurity{Plaintext: true}).Addr}
	}
	for name, at := range servers {
		t.Run(name, func(t *testing.T) {
			listen := freeAddress(t)
			sasl := fmt.Sprintf("sasl: {mechanism: plain, username: u, password_file: %q}", write(t, "kafka.password", kafkaSecret+"\n"))
			if name == "refusing Redis" {
				sasl = ""
			}
			config := write(t, "hotlead.yaml", fmt.Sprintf("kafka:\n  brokers: [%s]\n  %s\nredis: {addrs: [%s], username: u}\nhttp: {listen: %q, token_file: %q}\nlog: {level: debug, format: json}\n",
				at[0], sasl, at[1], listen, write(t, "token", httpSecret)))
			p := start(t, "hotlead", "run", "--config", config)
			waits := map[string]string{"away": "connection refused", "refusing Kafka": "kafka.sasl.password_file", "refusing Redis": "redis.password_file"}[name]
			deadline := time.Now().Add(30 * time.Second)
			for said := ""; !strings.Contains(said, waits); _, said = ask(t, listen, "/readyz", "") {
				if time.Now().After(deadline) {
					t.Fatalf("readiness still says %s", said)
				}
			}
			for _, path := range []string{"/readyz", "/livez", "/metrics", "/", "/v1/leads?tier=hot", "/v1/leads/x", "/assets/page.js", "/none"} {
				for _, token := range []string{"", "wrong", httpSecret} {
					status, said := ask(t, listen, path, token)
					tellsNothing(t, fmt.Sprintf("%s (%d)", path, status), said)
				}
			}
			if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			for p.lines.Scan() {
				tellsNothing(t, "standard output", p.lines.Text())
			}
			if err := p.cmd.Wait(); err != nil {
				t.Errorf("a planned stop: %v", err)
			}
			tellsNothing(t, "the log", p.errOut.String())
			if !strings.Contains(p.errOut.String(), "waiting to start") {
				t.Errorf("the log does not tell what is wrong:\n%s", p.errOut.String())
			}
			for _, args := range [][]string{
				{"lead", "show", "x", "--config", config}, {"topics", "check", "--config", config}, {"topics", "create", "--config", config},
				{"run", "--help"}, {"lead", "show", "--help"}, {"run", "--config", config, "--bogus"},
				{"run", "--config", write(t, "bad.yaml", "redis: {password: "+redisSecret+", pasword: "+kafkaSecret+"}\nhttp: {token: "+httpSecret+"}\n")},
			} {
				_, out, errOut := hotlead(t, "", args...)
				tellsNothing(t, strings.Join(args, " "), out+errOut)
			}
		})
	}
}

// ask asks hotlead for a path, with a token where there is one. While it does not listen yet, the answer is empty.
func ask(t *testing.T, address, path, token string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return 0, ""
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var head strings.Builder
	if err := response.Header.Write(&head); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, head.String() + string(text)
}
