// Times decisions of OPA as a library, bytes to bytes: a review's JSON in, the answer's JSON out.
//
//	opa-bench POLICY DATA REVIEWS SECONDS
//
// REVIEWS holds one review a line. Prints {"decisions": n, "allowed": n, "us": mean, "first_us": n, "load_s": n}.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/util"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	ctx := context.Background()
	policy, err := os.ReadFile(os.Args[1])
	check(err)
	text, err := os.ReadFile(os.Args[2])
	check(err)
	seconds, err := strconv.ParseFloat(os.Args[4], 64)
	check(err)
	file, err := os.Open(os.Args[3])
	check(err)
	var reviews [][]byte
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		reviews = append(reviews, append([]byte(nil), lines.Bytes()...))
	}
	check(lines.Err())

	began := time.Now()
	var data map[string]any
	check(util.UnmarshalJSON(text, &data))
	query, err := rego.New(
		rego.Query("data.io.k8s.image_policy.verify"),
		rego.Module("policy.rego", string(policy)),
		rego.Store(inmem.NewFromObject(data)),
	).PrepareForEval(ctx)
	check(err)
	load := time.Since(began).Seconds()

	decide := func(review []byte) []byte {
		var input any
		check(util.UnmarshalJSON(review, &input))
		results, err := query.Eval(ctx, rego.EvalInput(input))
		check(err)
		answer, err := json.Marshal(results[0].Expressions[0].Value)
		check(err)
		return answer
	}
	began = time.Now()
	decide(reviews[0])
	first := time.Since(began)

	decisions, allowed := 0, 0
	began = time.Now()
	for decisions < len(reviews) && time.Since(began).Seconds() < seconds {
		if bytes.Contains(decide(reviews[decisions]), []byte(`"allowed":true`)) {
			allowed++
		}
		decisions++
	}
	spent := time.Since(began)
	out, err := json.Marshal(map[string]any{
		"decisions": decisions,
		"allowed":   allowed,
		"us":        float64(spent.Nanoseconds()) / 1e3 / float64(decisions),
		"first_us":  float64(first.Nanoseconds()) / 1e3,
		"load_s":    load,
	})
	check(err)
	fmt.Println(string(out))
}
