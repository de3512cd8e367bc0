def findings(evidence):
    records = evidence.finished
    told = [(found["arm"], found["seed"]) for found in records]
    return {"lines": [f"{len(told)} trials."], "trials": told}
