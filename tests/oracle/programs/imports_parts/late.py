LATE = ["late"]
